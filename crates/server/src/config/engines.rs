//! What translates, as configured.

use std::path::Path;

use super::error::ConfigError;
use super::keys::Settings;
use super::{EngineName, Engines, HttpEngine, HttpEngineKind, Neural, is_url, path, url};
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

    pub(super) fn from_settings(settings: &Settings, data_dir: &Path) -> Result<Self, ConfigError> {
        let delay = (0, Self::PSEUDO_DELAY_MS_MAX);
        Ok(Self {
            order: engine_order(settings)?,
            pseudo_delay_ms: settings.integer(
                "engines.pseudo.delay_ms",
                0,
                delay,
                "milliseconds",
            )?,
            neural: Neural::from_settings(settings, data_dir)?,
            http: HttpEngine::from_settings(settings)?,
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
