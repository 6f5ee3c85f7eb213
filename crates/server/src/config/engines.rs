//! What translates, as configured.

use std::path::Path;

use super::error::ConfigError;
use super::keys::Settings;
use super::{EngineName, Engines, HttpEngine, HttpEngineKind, Neural, path, url};

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
        Ok(Self {
            order: engine_order(settings)?,
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
            neural: Neural {
                models_dir: path(settings, "engines.neural.models_dir")?
                    .unwrap_or_else(|| data_dir.join("models")),
                bundled: settings.flag("engines.neural.bundled", true)?,
                download: settings.flag("engines.neural.download", true)?,
            },
            http: HttpEngine::from_settings(settings)?,
        })
    }
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
    fn from_settings(settings: &Settings) -> Result<Option<Self>, ConfigError> {
        let kinds = [
            ("openai", HttpEngineKind::OpenAi),
            ("libretranslate", HttpEngineKind::LibreTranslate),
        ];
        let kind = settings.choice("engines.http.kind", &kinds)?;
        let model = settings.text("engines.http.model")?.map(str::to_owned);
        let api_key_file = path(settings, "engines.http.api_key_file")?;
        let url = url(settings, "engines.http.url")?;
        let is_given = settings.given().any(|key| key.starts_with("engines.http."));
        match url {
            None if is_given => Err(ConfigError::Missing {
                key: "engines.http.url".to_owned(),
                remedy: "say where the server is, or remove [engines.http]",
            }),
            None => Ok(None),
            Some(url) => {
                let kind = kind.unwrap_or(HttpEngineKind::OpenAi);
                Ok(Some(Self { url, kind, model, api_key_file }))
            }
        }
    }
}
