//! `TranslateText`: translates a text while the caller waits.
//!
//! A text with a tag in it is read as HTML, and its markup is kept. What an
//! engine cannot do of the settings is left out, and the answer says what was
//! done. The checks stand in the order of the API specification.

use domain::document::Document;
use domain::language::{LanguageCode, LanguagePair};
use engine::Detection;
use serde::{Deserialize, Serialize};

use crate::api::error::ApiError;
use crate::api::real_time::{self, Languages, refuse_terminologies};
use crate::api::shapes::TranslationSettings;
use crate::app::App;
use crate::translate::Lane;

/// The most bytes of a text.
const TEXT_BYTES_MAX: usize = 10_000;
/// Below this confidence the caller has to say what language it is.
const CONFIDENCE_MIN: f64 = 0.5;

/// What is to be translated.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    /// The text.
    pub text: String,
    /// Names of terminologies.
    #[serde(default)]
    pub terminology_names: Vec<String>,
    /// The language of the text, or `auto`.
    pub source_language_code: String,
    /// The language to translate into.
    pub target_language_code: String,
    /// Wishes about the translation.
    pub settings: Option<TranslationSettings>,
}

/// The translation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    /// The text.
    pub translated_text: String,
    /// The language that was translated from.
    pub source_language_code: &'static str,
    /// The language that was translated into.
    pub target_language_code: &'static str,
    /// The wishes that were fulfilled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied_settings: Option<TranslationSettings>,
}

/// Translates.
pub async fn call(app: &App, input: Input) -> Result<Output, ApiError> {
    let Input { text, terminology_names, source_language_code, target_language_code, settings } =
        input;
    if TEXT_BYTES_MAX < text.len() {
        return Err(ApiError::TextSizeLimitExceeded(format!(
            "Input text size exceeds limit. Max length of request text allowed is {TEXT_BYTES_MAX} \
             bytes while in this request the text size is {} bytes",
            text.len()
        )));
    }
    let languages = Languages::parse(app, &source_language_code, &target_language_code)?;
    refuse_terminologies(&terminology_names)?;
    let document =
        Document::snippet(text).map_err(|err| ApiError::InvalidRequest(err.to_string()))?;
    let source = match languages.source {
        Some(source) => source,
        None => confident(app.translator.detect(&document))?,
    };
    let pair = LanguagePair { source, target: languages.target };
    let style = real_time::style(settings);
    let translated = app
        .translator
        .document(&document, pair, style, &Lane::RealTime)
        .await
        .map_err(|err| real_time::failed(err, pair))?;
    Ok(Output {
        translated_text: String::from_utf8(translated.bytes.into()).map_err(ApiError::internal)?,
        source_language_code: pair.source.as_str(),
        target_language_code: pair.target.as_str(),
        applied_settings: real_time::applied(translated.style),
    })
}

fn confident(detection: Option<Detection>) -> Result<LanguageCode, ApiError> {
    match detection {
        Some(Detection { language, confidence }) if CONFIDENCE_MIN <= confidence => Ok(language),
        uncertain => {
            let guess = uncertain.map_or("en", |detection| detection.language.as_str());
            Err(ApiError::DetectedLanguageLowConfidence {
                message: format!(
                    "The language of the text could not be detected with confidence. The best \
                     guess is '{guess}': name the language as SourceLanguageCode"
                ),
                detected: guess.to_owned(),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::test_app::TestApp;

    async fn call(changes: Value) -> Result<Value, String> {
        let mut body = json!({
            "Text": "Hello {name}", "SourceLanguageCode": "en", "TargetLanguageCode": "fr",
        });
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        TestApp::start().await.call("TranslateText", body).await
    }

    fn answer(text: &str, source: &str, target: &str) -> Value {
        json!({
            "TranslatedText": text, "SourceLanguageCode": source, "TargetLanguageCode": target,
        })
    }

    async fn check_refused(changes: Value, expected: &str) {
        let refused = call(changes).await.unwrap_err();
        assert!(refused.starts_with(expected), "{refused}");
    }

    #[tokio::test]
    async fn a_text_is_translated() {
        assert_eq!(call(json!({})).await, Ok(answer("[fr Ĥéļļó {name}]", "en", "fr")));
        let lines = json!({ "Text": " One.\n\n Two. \n" });
        assert_eq!(call(lines).await, Ok(answer(" [fr Óñé.]\n\n [fr Ŧŵó.] \n", "en", "fr")));
        let same = json!({ "TargetLanguageCode": "en", "Text": "a <b>c</b>" });
        assert_eq!(call(same).await, Ok(answer("a <b>c</b>", "en", "en")));
    }

    #[tokio::test]
    async fn the_language_is_detected() {
        let german =
            json!({ "SourceLanguageCode": "auto", "Text": "Die Bücherei ist geschlossen." });
        let answered = call(german).await.unwrap();
        assert_eq!(answered["SourceLanguageCode"], "de");
        check_refused(
            json!({ "SourceLanguageCode": "auto", "Text": "12345 ???" }),
            "DetectedLanguageLowConfidenceException: ",
        )
        .await;
    }

    #[tokio::test]
    async fn what_was_done_of_the_settings_is_told() {
        let settings = |target: &str, settings: Value| json!({ "TargetLanguageCode": target, "Settings": settings });
        let formal = json!({ "Formality": "FORMAL" });
        let applied = call(settings("de", formal.clone())).await.unwrap();
        assert_eq!(applied["AppliedSettings"], formal);
        let ignored = call(settings("pl", formal)).await.unwrap();
        assert_eq!(ignored.get("AppliedSettings"), None);
        let brief = call(settings("ja", json!({ "Brevity": "ON" }))).await.unwrap();
        assert_eq!(brief.get("AppliedSettings"), None);
        let brief = call(settings("fr", json!({ "Brevity": "ON" }))).await.unwrap();
        assert_eq!(brief["AppliedSettings"], json!({ "Brevity": "ON" }));
    }

    #[tokio::test]
    async fn what_cannot_be_done_is_refused() {
        let pair = "UnsupportedLanguagePairException: Unsupported language pair: ";
        check_refused(
            json!({ "TargetLanguageCode": "ef" }),
            &format!("{pair}en to ef. Target language 'ef' is not supported"),
        )
        .await;
        check_refused(
            json!({ "SourceLanguageCode": "xx" }),
            &format!("{pair}xx to fr. Source language 'xx' is not supported"),
        )
        .await;
        check_refused(json!({ "TargetLanguageCode": "auto" }), pair).await;
        check_refused(
            json!({ "Text": "é".repeat(5_001) }),
            "TextSizeLimitExceededException: Input text size exceeds limit. Max length of request \
             text allowed is 10000 bytes while in this request the text size is 10002 bytes",
        )
        .await;
        assert!(call(json!({ "Text": "a".repeat(10_000) })).await.is_ok());
        check_refused(json!({ "TerminologyNames": ["a", "b"] }), "InvalidRequestException: ").await;
        check_refused(json!({ "TerminologyNames": ["a"] }), "ResourceNotFoundException: ").await;
        check_refused(json!({ "Text": "" }), "ValidationException: ").await;
    }
}
