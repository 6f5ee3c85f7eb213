//! All settings: read once at the start, checked whole, and handed down in parts.
//!
//! What the environment says goes before the file, and the command line before
//! both. Nothing else in the program reads the environment.
//!
//! Start reading at [`Config::load`].

mod access;
mod engines;
mod error;
mod keys;
mod report;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use engines::is_mirror;
pub use error::ConfigError;
pub use report::KEYS_WITHOUT_EFFECT;

use crate::auth::{self, Keys, Mode, Verifier};
use crate::secret::Secret;
use keys::Settings;

/// The configuration, with every value legal.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// Where the embedded database, objects and models are.
    pub data_dir: PathBuf,
    /// The region of requests that name none.
    pub region: String,
    /// The account of callers without a known key.
    pub account: String,
    /// Who is let in.
    pub auth: Auth,
    /// Where jobs are kept.
    pub store: StoreKind,
    /// Where objects are.
    pub objects: Objects,
    /// What translates.
    pub engines: Engines,
    /// How much of everything.
    pub limits: Limits,
    /// The URLs that get every event. They may hold a token, so they do not print.
    pub webhooks: Vec<Secret>,
    /// How terms are found.
    pub terminology_case: CaseRule,
    /// Which languages are listed.
    pub catalog: Catalog,
    // The keys that were given, for what is said of them.
    given: BTreeSet<&'static str>,
}

/// Who is let in.
#[derive(Clone, Debug)]
pub struct Auth {
    /// Whether signatures are verified.
    pub mode: Mode,
    /// Whether everyone is let in from anywhere on purpose.
    pub is_insecure: bool,
    /// The keys that may sign.
    pub keys: Keys,
}

/// Where jobs are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// In a file of the data folder.
    Sqlite,
    /// In this database.
    Postgres(Secret),
}

/// Where objects are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objects {
    /// What they are kept in.
    pub kind: ObjectsKind,
    /// What becomes of jobs that want encryption, in a folder.
    pub kms: Kms,
    /// The S3 endpoint; AWS itself when there is none.
    pub endpoint_url: Option<String>,
    /// Whether buckets are in the path of S3 requests and not in the host.
    pub is_path_style: bool,
}

/// What objects are kept in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectsKind {
    /// A folder of the data folder, served over S3 as well.
    Folder,
    /// An S3-compatible storage.
    S3,
}

/// What a folder does with encryption keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kms {
    /// Such a job is refused.
    Refuse,
    /// The key is ignored.
    Ignore,
}

/// What translates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engines {
    /// The first that serves a pair wins; at least one, none twice.
    pub order: Vec<EngineName>,
    /// The megabytes in which translations are remembered.
    pub memory_mb: u32,
    /// How long the pseudo engine takes for a segment.
    pub pseudo_delay_ms: u32,
    /// The neural engine.
    pub neural: Neural,
    /// The engine that is another server, if one is configured.
    pub http: Option<HttpEngine>,
}

/// The engines there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineName {
    /// Models on this machine.
    Neural,
    /// Apertium's programs.
    Apertium,
    /// Another server.
    Http,
    /// No translation at all, for tests.
    Pseudo,
}

/// The neural engine's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neural {
    /// Where models are.
    pub models_dir: PathBuf,
    /// Whether the models inside the program serve pairs that `models_dir` does not.
    pub bundled: bool,
    /// Whether models may be fetched from the network.
    pub download: bool,
    /// Where models are fetched from: a URL or a folder. It may hold a password.
    pub mirror: Option<Secret>,
    /// How much memory loaded models may take together.
    pub memory_mb_max: u32,
}

/// Another server that translates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpEngine {
    /// Where it is.
    pub url: String,
    /// What it speaks.
    pub kind: HttpEngineKind,
    /// The model asked for.
    pub model: Option<String>,
    /// The key it wants.
    pub api_key: Option<Secret>,
    /// How long a request may take.
    pub timeout_seconds: u32,
    /// How many requests may be under way at once.
    pub concurrency_max: u32,
}

/// What another server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpEngineKind {
    /// Chat completions.
    OpenAi,
    /// LibreTranslate's API.
    LibreTranslate,
}

/// How much of everything, for each account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Jobs that run at once.
    pub jobs_running_max: u32,
    /// Jobs that wait.
    pub jobs_queued_max: u32,
    /// Requests per second and operation; 0 for no limit.
    pub requests_per_second: u32,
    /// Days that finished jobs are kept; 0 for ever.
    pub retention_days: u32,
}

/// How terms are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseRule {
    /// In any case.
    Insensitive,
    /// In their own case only.
    Sensitive,
}

/// Which languages are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Catalog {
    /// Those that the engines serve.
    Installed,
    /// All of them.
    Full,
}

/// What the command line says, which goes before everything else.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// Where to listen.
    pub listen: Option<String>,
    /// Where the data is.
    pub data_dir: Option<PathBuf>,
}

/// The environment of this process, for [`Config::load`].
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn environment() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os()
}

impl Config {
    /// Reads and checks the configuration. Without a file all has its default.
    ///
    /// Relative paths are relative to where the program was started.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (OsString, OsString)>,
        overrides: Overrides,
    ) -> Result<Self, ConfigError> {
        let Overrides { listen, data_dir } = overrides;
        let mut settings = Settings::default();
        if let Some(path) = file {
            settings.add_file(path, &read("--config", path)?)?;
        }
        settings.add_environment(environment)?;
        if let Some(listen) = listen {
            settings.add_option("listen", &listen);
        }
        Self::from_settings(&settings, data_dir)
    }

    fn from_settings(settings: &Settings, data_dir: Option<PathBuf>) -> Result<Self, ConfigError> {
        let data_dir = match data_dir {
            Some(data_dir) => data_dir,
            None => path(settings, "data_dir")?.unwrap_or_else(|| "metaphrast-data".into()),
        };
        let account =
            valid(settings, "account", "000000000000", "twelve digits", auth::is_account)?;
        let legal = "at most 64 lower-case letters, digits and hyphens, such as \"us-east-1\"";
        let config = Self {
            listen: listen(settings)?,
            region: valid(settings, "region", "us-east-1", legal, auth::is_region)?,
            auth: Auth::from_settings(settings, &account)?,
            store: StoreKind::from_settings(settings)?,
            objects: Objects::from_settings(settings)?,
            engines: Engines::from_settings(settings, &data_dir)?,
            limits: Limits::from_settings(settings)?,
            webhooks: webhooks(settings)?,
            terminology_case: settings
                .choice(
                    "terminology.case",
                    &[("insensitive", CaseRule::Insensitive), ("sensitive", CaseRule::Sensitive)],
                )?
                .unwrap_or(CaseRule::Insensitive),
            catalog: settings
                .choice(
                    "catalog.languages",
                    &[("installed", Catalog::Installed), ("full", Catalog::Full)],
                )?
                .unwrap_or(Catalog::Installed),
            given: settings.given().collect(),
            account,
            data_dir,
        };
        config.check_access()?;
        Ok(config)
    }

    /// Whether whoever can reach the server may be let in as configured.
    fn check_access(&self) -> Result<(), ConfigError> {
        match self.auth.mode {
            Mode::Strict if self.auth.keys.is_empty() => Err(ConfigError::StrictWithoutKeys),
            Mode::Off
                if !self.auth.is_insecure && !self.listen.ip().to_canonical().is_loopback() =>
            {
                Err(ConfigError::OffBeyondLoopback { listen: self.listen })
            }
            Mode::Strict | Mode::Off => Ok(()),
        }
    }

    /// Whether this version can serve what is configured. Asked before serving,
    /// so that nobody believes to have what is not there.
    pub fn check_supported(&self) -> Result<(), ConfigError> {
        let unsupported = |key, value, remedy| ConfigError::NotSupported { key, value, remedy };
        if self.store != StoreKind::Sqlite {
            return Err(unsupported("store.url", "\"postgres://…\"", "use \"sqlite\""));
        }
        if self.objects.kind != ObjectsKind::Folder {
            return Err(unsupported("objects.kind", "\"s3\"", "use \"folder\""));
        }
        Ok(())
    }

    /// The file of the embedded database.
    pub fn database_file(&self) -> PathBuf {
        self.data_dir.join("metaphrast.db")
    }

    /// The folder of the embedded objects.
    pub fn objects_dir(&self) -> PathBuf {
        self.data_dir.join("objects")
    }

    /// Who may call `service`, as configured.
    pub fn verifier(&self, service: &'static str) -> Verifier {
        Verifier {
            mode: self.auth.mode,
            keys: self.auth.keys.clone(),
            service,
            account: self.account.clone(),
            region: self.region.clone(),
        }
    }
}

impl StoreKind {
    fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        match settings.text("store.url")? {
            None | Some("sqlite") => Ok(Self::Sqlite),
            Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => {
                Ok(Self::Postgres(Secret::new(url)))
            }
            Some(_) => Err(settings.illegal("store.url", "\"sqlite\" or \"postgres://…\"")),
        }
    }
}

impl Objects {
    fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let kinds = [("folder", ObjectsKind::Folder), ("s3", ObjectsKind::S3)];
        let kms = [("refuse", Kms::Refuse), ("ignore", Kms::Ignore)];
        Ok(Self {
            kind: settings.choice("objects.kind", &kinds)?.unwrap_or(ObjectsKind::Folder),
            kms: settings.choice("objects.kms", &kms)?.unwrap_or(Kms::Refuse),
            endpoint_url: url(settings, "objects.endpoint_url")?,
            is_path_style: settings.flag("objects.path_style", true)?,
        })
    }
}

impl Limits {
    fn from_settings(settings: &Settings) -> Result<Self, ConfigError> {
        let integer = |key, default, range, unit| settings.integer(key, default, range, unit);
        Ok(Self {
            jobs_running_max: integer("limits.jobs_running_max", 10, (1, 10_000), "jobs")?,
            jobs_queued_max: integer("limits.jobs_queued_max", 1000, (1, 1_000_000), "jobs")?,
            requests_per_second: integer(
                "limits.requests_per_second",
                0,
                (0, 1_000_000),
                "requests",
            )?,
            retention_days: integer("limits.retention_days", 90, (0, 36_500), "days")?,
        })
    }
}

fn webhooks(settings: &Settings) -> Result<Vec<Secret>, ConfigError> {
    let urls = settings.texts("events.webhooks")?.unwrap_or_default();
    if !urls.iter().all(|url| is_url(url)) {
        let legal = "a list of URLs that begin with http:// or https://";
        return Err(settings.illegal("events.webhooks", legal));
    }
    Ok(urls.into_iter().map(Secret::new).collect())
}

fn listen(settings: &Settings) -> Result<SocketAddr, ConfigError> {
    let legal = "an address and a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\"";
    let text = settings.text("listen")?.unwrap_or("127.0.0.1:8080");
    text.parse().map_err(|_| settings.illegal("listen", legal))
}

fn valid(
    settings: &Settings,
    key: &str,
    default: &str,
    legal: &str,
    is_legal: impl Fn(&str) -> bool,
) -> Result<String, ConfigError> {
    let text = settings.text(key)?.unwrap_or(default);
    if !is_legal(text) {
        return Err(settings.illegal(key, legal));
    }
    Ok(text.to_owned())
}

fn path(settings: &Settings, key: &str) -> Result<Option<PathBuf>, ConfigError> {
    match settings.text(key)? {
        Some("") => Err(settings.illegal(key, "a path")),
        text => Ok(text.map(PathBuf::from)),
    }
}

fn url(settings: &Settings, key: &str) -> Result<Option<String>, ConfigError> {
    match settings.text(key)? {
        None => Ok(None),
        Some(url) if is_url(url) => Ok(Some(url.to_owned())),
        Some(_) => Err(settings.illegal(key, "a URL that begins with http:// or https://")),
    }
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'))
}

fn read(key: &str, path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
        key: key.to_owned(),
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
