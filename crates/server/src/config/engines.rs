//! What translates, as configured.

use std::path::Path;

use super::error::ConfigError;
use super::keys::Settings;
use super::{EngineName, Engines, HttpEngine, HttpEngineKind, Neural, is_url, path, read, url};
use crate::secret::Secret;

impl EngineName {
    const ALL: [Self; 4] = [Self::Neural, Self::Apertium, Self::Http, Self::Pseudo];

    /// The name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Neural => "neural",
            Self::Apertium => "apertium",
            Self::Http => "http",
            Self::Pseudo => "pseudo",
        }
    }
}

impl Engines {
    const PSEUDO_DELAY_MS_MAX: u32 = 60_000;
    const MEMORY_MB: u32 = 64;
    const MEMORY_MB_MAX: u32 = 1 << 20;

    /// The bytes in which translations are remembered.
    pub fn memory_bytes(&self) -> u64 {
        u64::from(self.memory_mb) << 20
    }

    pub(super) fn from_settings(settings: &Settings, data_dir: &Path) -> Result<Self, ConfigError> {
        let delay = (0, Self::PSEUDO_DELAY_MS_MAX);
        let order = engine_order(settings)?;
        let http = HttpEngine::from_settings(settings)?;
        if order.contains(&EngineName::Http) && http.is_none() {
            let remedy = "say where the server is, or take \"http\" out of engines.order";
            return Err(missing_url(remedy));
        }
        Ok(Self {
            order,
            memory_mb: settings.integer(
                "engines.memory_mb",
                Self::MEMORY_MB,
                (0, Self::MEMORY_MB_MAX),
                "megabytes",
            )?,
            pseudo_delay_ms: settings.integer(
                "engines.pseudo.delay_ms",
                0,
                delay,
                "milliseconds",
            )?,
            neural: Neural::from_settings(settings, data_dir)?,
            http,
        })
    }
}

impl Neural {
    const MEMORY_MB: (u32, u32) = (1, 1 << 20);

    fn from_settings(settings: &Settings, data_dir: &Path) -> Result<Self, ConfigError> {
        let models_dir = path(settings, "engines.neural.models_dir")?;
        Ok(Self {
            models_dir: models_dir.unwrap_or_else(|| data_dir.join("models")),
            bundled: settings.flag("engines.neural.bundled", true)?,
            download: settings.flag("engines.neural.download", true)?,
            mirror: mirror(settings)?,
            memory_mb_max: settings.integer(
                "engines.neural.memory_mb_max",
                1024,
                Self::MEMORY_MB,
                "megabytes",
            )?,
        })
    }
}

fn mirror(settings: &Settings) -> Result<Option<Secret>, ConfigError> {
    const KEY: &str = "engines.neural.mirror";
    match settings.text(KEY)? {
        None => Ok(None),
        Some(text) if is_mirror(text) => Ok(Some(Secret::new(text))),
        Some(_) => {
            Err(settings.illegal(KEY, "a URL that begins with http:// or https://, or a folder"))
        }
    }
}

/// Whether `text` may say where models are fetched from.
pub fn is_mirror(text: &str) -> bool {
    !text.is_empty() && (is_url(text) || !text.contains("://"))
}

fn engine_order(settings: &Settings) -> Result<Vec<EngineName>, ConfigError> {
    const KEY: &str = "engines.order";
    let Some(names) = settings.texts(KEY)? else {
        return Ok(vec![EngineName::Neural, EngineName::Apertium]);
    };
    let legal = "one or more of \"neural\", \"apertium\", \"http\" and \"pseudo\", each once";
    let mut order = Vec::new();
    for name in names {
        let engine = EngineName::ALL.into_iter().find(|engine| engine.as_str() == name);
        match engine.filter(|engine| !order.contains(engine)) {
            Some(engine) => order.push(engine),
            None => return Err(settings.illegal(KEY, legal)),
        }
    }
    if order.is_empty() {
        return Err(settings.illegal(KEY, legal));
    }
    Ok(order)
}

impl HttpEngine {
    const TIMEOUT_SECONDS: (u32, u32) = (1, 3_600);
    const CONCURRENCY_MAX: (u32, u32) = (1, 1_000);

    fn from_settings(settings: &Settings) -> Result<Option<Self>, ConfigError> {
        let kinds = [
            ("openai", HttpEngineKind::OpenAi),
            ("libretranslate", HttpEngineKind::LibreTranslate),
        ];
        let kind = settings.choice("engines.http.kind", &kinds)?;
        let model = settings.text("engines.http.model")?.map(str::to_owned);
        let timeout_seconds = settings.integer(
            "engines.http.timeout_seconds",
            120,
            Self::TIMEOUT_SECONDS,
            "seconds",
        )?;
        let concurrency_max = settings.integer(
            "engines.http.concurrency_max",
            8,
            Self::CONCURRENCY_MAX,
            "requests",
        )?;
        let is_given = settings.given().any(|key| key.starts_with("engines.http."));
        let Some(url) = url(settings, "engines.http.url")? else {
            if is_given {
                return Err(missing_url("say where the server is, or remove [engines.http]"));
            }
            return Ok(None);
        };
        // What is reported of it is not to show a password.
        if url.contains(['@', '?', '#']) {
            let legal = "a URL without user, password or query; a key goes into \
                         engines.http.api_key_file";
            return Err(settings.illegal("engines.http.url", legal));
        }
        let kind = kind.unwrap_or(HttpEngineKind::OpenAi);
        let api_key = api_key(settings)?;
        Ok(Some(Self { url, kind, model, api_key, timeout_seconds, concurrency_max }))
    }
}

/// The key in the file, which is never shown.
fn api_key(settings: &Settings) -> Result<Option<Secret>, ConfigError> {
    const KEY: &str = "engines.http.api_key_file";
    let Some(file) = path(settings, KEY)? else { return Ok(None) };
    let text = read(KEY, &file)?;
    let key = text.trim();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let legal = "a file with a key of visible ASCII characters and nothing else";
        return Err(settings.illegal(KEY, legal));
    }
    Ok(Some(Secret::new(key)))
}

fn missing_url(remedy: &'static str) -> ConfigError {
    ConfigError::Missing { key: "engines.http.url".to_owned(), remedy }
}
