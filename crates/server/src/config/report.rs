//! What a configuration would do, said in sentences.

use super::{Catalog, Config, EngineName, HttpEngineKind, Kms, ObjectsKind, StoreKind};
use crate::auth::Mode;

/// Keys that are read and checked, and change nothing in this version.
///
/// Whoever makes one work takes it out of this list.
pub const KEYS_WITHOUT_EFFECT: &[&str] = &[
    "events.webhooks",
    "limits.requests_per_second",
    "objects.endpoint_url",
    "objects.path_style",
    "terminology.case",
];

impl Config {
    /// The keys that were given and have no effect in this version, in order.
    pub fn keys_without_effect(&self) -> Vec<&'static str> {
        let given = |key: &&&str| self.given.contains(**key);
        KEYS_WITHOUT_EFFECT.iter().filter(given).copied().collect()
    }

    /// What a server with this configuration would do, one sentence each. Says
    /// nothing of [`KEYS_WITHOUT_EFFECT`].
    pub fn describe(&self) -> Vec<String> {
        let mut sentences = vec![
            format!("Listens on http://{}.", self.listen),
            self.describe_auth(),
            self.describe_store(),
            self.describe_objects(),
        ];
        sentences.extend(self.describe_engines());
        sentences.push(format!(
            "Runs at most {} jobs of an account at once and keeps at most {} waiting.",
            self.limits.jobs_running_max, self.limits.jobs_queued_max
        ));
        sentences.push(match self.limits.retention_days {
            0 => "Keeps finished jobs for ever.".to_owned(),
            days => format!("Forgets finished jobs after {days} days."),
        });
        sentences.push(match self.catalog {
            Catalog::Installed => "Lists the languages that its engines serve.".to_owned(),
            Catalog::Full => "Lists all 75 languages, installed or not.".to_owned(),
        });
        sentences
    }

    fn describe_auth(&self) -> String {
        let is_open = !self.listen.ip().to_canonical().is_loopback();
        match self.auth.mode {
            Mode::Strict => {
                let accounts: std::collections::BTreeSet<&str> =
                    self.auth.keys.values().map(|key| key.account.as_str()).collect();
                format!(
                    "Verifies signatures: {} keys of {} accounts may sign.",
                    self.auth.keys.len(),
                    accounts.len()
                )
            }
            Mode::Off if is_open => format!(
                "Verifies no signatures although others can reach it: EVERYONE IS LET IN as \
                 account {} in region {}.",
                self.account, self.region
            ),
            Mode::Off => format!(
                "Verifies no signatures: callers on this machine are let in as account {} in \
                 region {}, unless they name others.",
                self.account, self.region
            ),
        }
    }

    fn describe_store(&self) -> String {
        match self.store {
            StoreKind::Sqlite => {
                format!("Keeps jobs in the database {}.", self.database_file().display())
            }
            StoreKind::Postgres(_) => "Keeps jobs in a Postgres database.".to_owned(),
        }
    }

    fn describe_objects(&self) -> String {
        let kms = match self.objects.kms {
            Kms::Refuse => "jobs with an encryption key are refused",
            Kms::Ignore => "encryption keys of jobs are ignored",
        };
        match self.objects.kind {
            ObjectsKind::Folder => {
                let folder = self.objects_dir();
                format!("Keeps objects in the folder {}; {kms}.", folder.display())
            }
            ObjectsKind::S3 => {
                let endpoint = self.objects.endpoint_url.as_deref().unwrap_or("AWS");
                format!("Reads and writes objects over S3 at {endpoint}.")
            }
        }
    }

    fn describe_engines(&self) -> Vec<String> {
        let order: Vec<&str> = self.engines.order.iter().map(|engine| engine.as_str()).collect();
        let mut sentences = vec![format!("Translates with the engines {}.", order.join(", then "))];
        if self.engines.order.contains(&EngineName::Neural) {
            let neural = &self.engines.neural;
            let bundled = if neural.bundled { " and in the program itself" } else { "" };
            let folder = neural.models_dir.display();
            let memory = neural.memory_mb_max;
            sentences.push(format!(
                "Finds neural models in {folder}{bundled}, and holds up to {memory} MB of them in \
                 memory."
            ));
            match (&neural.mirror, neural.download) {
                (None, true) => (),
                (_, false) => {
                    sentences.push("Never fetches models from the network.".to_owned());
                }
                (Some(mirror), true) => {
                    let place = engine::Mirror::parse(mirror.expose()).place();
                    sentences.push(format!("`metaphrast models pull` fetches from {place}."));
                }
            }
        }
        sentences.extend(self.describe_http_engine());
        if self.engines.order.contains(&EngineName::Pseudo) {
            let delay_ms = self.engines.pseudo_delay_ms;
            sentences.push(format!("Lets the pseudo engine take {delay_ms} ms per segment."));
        }
        sentences
    }

    fn describe_http_engine(&self) -> Option<String> {
        let http = self.engines.http.as_ref()?;
        if !self.engines.order.contains(&EngineName::Http) {
            return Some(
                "Does not use [engines.http]: \"http\" is not in engines.order.".to_owned(),
            );
        }
        let kind = match http.kind {
            HttpEngineKind::OpenAi => "an OpenAI-compatible",
            HttpEngineKind::LibreTranslate => "a LibreTranslate-compatible",
        };
        let key = if http.api_key.is_some() { " with a key" } else { "" };
        Some(format!("Sends texts to {kind} server at {}{key}.", http.url))
    }
}
