//! What the operations that translate while the caller waits have in common.

use domain::job::{self, InvalidRequest};
use domain::language::{LanguageCode, LanguagePair};
use engine::{EngineError, Style};

use super::error::ApiError;
use super::shapes::TranslationSettings;
use crate::app::App;
use crate::translate::TranslateError;

/// The languages of a request.
pub(super) struct Languages {
    /// None if it is to be detected.
    pub(super) source: Option<LanguageCode>,
    pub(super) target: LanguageCode,
}

impl Languages {
    /// Reads the codes. A pair of known languages that nobody serves is refused
    /// here too.
    pub(super) fn parse(app: &App, source: &str, target: &str) -> Result<Self, ApiError> {
        let (source_code, target_code) = (source.to_owned(), target.to_owned());
        let unknown_source = InvalidRequest::UnknownSource {
            source_code: source_code.clone(),
            target: target_code.clone(),
        };
        let source = match source {
            LanguageCode::AUTO => None,
            code => Some(code.parse().map_err(|_| unknown_source)?),
        };
        let unknown_target = InvalidRequest::UnknownTarget { source_code, target: target_code };
        let target = target.parse().map_err(|_| unknown_target)?;
        if let Some(source) = source {
            let pair = LanguagePair { source, target };
            if source != target && !app.engines.serves(pair) {
                return Err(not_served(app, pair));
            }
        }
        Ok(Self { source, target })
    }
}

fn not_served(app: &App, pair: LanguagePair) -> ApiError {
    let engines: Vec<&str> = app.engines.names().collect();
    tracing::info!(
        pair = %pair,
        engines = engines.join(", "),
        "no engine serves this pair: `metaphrast engines` says how to add it"
    );
    unsupported(pair)
}

fn unsupported(pair: LanguagePair) -> ApiError {
    let LanguagePair { source, target } = pair;
    ApiError::UnsupportedLanguagePair {
        message: format!("Unsupported language pair: {source} to {target}."),
        source: source.as_str().to_owned(),
        target: target.as_str().to_owned(),
    }
}

/// Refuses what no terminology can be found for: none can be imported yet.
pub(super) fn refuse_terminologies(names: &[String]) -> Result<(), ApiError> {
    match names {
        [] => Ok(()),
        [name] => Err(ApiError::ResourceNotFound(format!("no resource named '{name}' exists"))),
        [_, _, ..] => Err(ApiError::InvalidRequest(format!(
            "at most one terminology may be named, not {}",
            names.len()
        ))),
    }
}

/// What an engine can be asked for.
pub(super) fn style(settings: Option<TranslationSettings>) -> Style {
    let settings = job::Settings::from(settings.unwrap_or_default());
    Style { formality: settings.formality, is_brief: settings.is_brief }
}

/// What was done of the wishes; none if nothing was.
pub(super) fn applied(style: Style) -> Option<TranslationSettings> {
    let Style { formality, is_brief } = style;
    let applied = job::Settings { formality, masks_profanity: false, is_brief };
    (applied != job::Settings::default()).then(|| applied.into())
}

/// What the caller learns of a failed translation.
pub(super) fn failed(err: TranslateError, pair: LanguagePair) -> ApiError {
    match err {
        TranslateError::UnsupportedPair(_) => unsupported(pair),
        TranslateError::Document(err) => ApiError::InvalidRequest(err.to_string()),
        TranslateError::Engine(cause) => match *cause {
            EngineError::Unavailable { .. } => {
                tracing::warn!(error = %cause, "an engine is not available");
                ApiError::ServiceUnavailable(
                    "The translation engine is temporarily unavailable: try again later".to_owned(),
                )
            }
            EngineError::UnsupportedPair(_) | EngineError::Stopped | EngineError::Failed { .. } => {
                ApiError::internal(cause)
            }
        },
    }
}
