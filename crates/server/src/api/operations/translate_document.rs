//! `TranslateDocument`: translates a document while the caller waits.
//!
//! It takes plain text, HTML and Word documents, out of English or into it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::document::Document;
use domain::job::ContentType;
use domain::language::LanguagePair;
use serde::{Deserialize, Serialize};

use crate::api::error::ApiError;
use crate::api::real_time::{self, Languages, refuse_terminologies};
use crate::api::shapes::TranslationSettings;
use crate::app::App;
use crate::translate::Lane;

/// The most bytes of a document; the shape allows a few more.
const DOCUMENT_BYTES_MAX: usize = 100_000;
/// The most characters.
const DOCUMENT_CHARACTERS_MAX: u64 = 100_000;
const ENGLISH: &str = "en";

/// What is to be translated.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    /// The document.
    pub document: InputDocument,
    /// Names of terminologies.
    #[serde(default)]
    pub terminology_names: Vec<String>,
    /// The language of the document, or `auto`.
    pub source_language_code: String,
    /// The language to translate into.
    pub target_language_code: String,
    /// Wishes about the translation.
    pub settings: Option<TranslationSettings>,
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InputDocument {
    /// Its bytes in base64.
    pub content: String,
    /// Its MIME type.
    pub content_type: String,
}

/// The translation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    /// The document.
    pub translated_document: TranslatedDocument,
    /// The language that was translated from.
    pub source_language_code: &'static str,
    /// The language that was translated into.
    pub target_language_code: &'static str,
    /// The wishes that were fulfilled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied_settings: Option<TranslationSettings>,
}

/// A document in the format of the original.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TranslatedDocument {
    /// Its bytes in base64.
    pub content: String,
}

/// Translates.
pub async fn call(app: &App, input: Input) -> Result<Output, ApiError> {
    let Input { document, terminology_names, source_language_code, target_language_code, settings } =
        input;
    let content = STANDARD.decode(&document.content).map_err(|_| ApiError::Serialization(None))?;
    if DOCUMENT_BYTES_MAX < content.len() {
        return Err(too_large(&format!("{DOCUMENT_BYTES_MAX} bytes")));
    }
    let content_type = real_time_type(&document.content_type)?;
    let languages = Languages::parse(app, &source_language_code, &target_language_code)?;
    if let Some(source) = languages.source {
        refuse_without_english(LanguagePair { source, target: languages.target })?;
    }
    refuse_settings(settings, languages.target)?;
    refuse_terminologies(&terminology_names)?;
    if content.is_empty() {
        return Err(ApiError::InvalidRequest("the document is empty".to_owned()));
    }
    let document = app
        .translator
        .open(content_type, content.into())
        .map_err(|err| ApiError::InvalidRequest(err.to_string()))?;
    if DOCUMENT_CHARACTERS_MAX < document.characters() {
        return Err(too_large(&format!("{DOCUMENT_CHARACTERS_MAX} characters")));
    }
    let source = match languages.source {
        Some(source) => source,
        None => detected(app, &document)?,
    };
    let pair = LanguagePair { source, target: languages.target };
    refuse_without_english(pair)?;
    let translated = app
        .translator
        .document(&document, pair, real_time::style(settings), &Lane::RealTime)
        .await
        .map_err(|err| real_time::failed(err, pair))?;
    Ok(Output {
        translated_document: TranslatedDocument { content: STANDARD.encode(&translated.bytes) },
        source_language_code: pair.source.as_str(),
        target_language_code: pair.target.as_str(),
        applied_settings: real_time::applied(translated.style),
    })
}

fn real_time_type(name: &str) -> Result<ContentType, ApiError> {
    let taken = [ContentType::Text, ContentType::Html, ContentType::Docx];
    taken.into_iter().find(|content_type| content_type.as_str() == name).ok_or_else(|| {
        let names: Vec<&str> = taken.into_iter().map(ContentType::as_str).collect();
        ApiError::InvalidRequest(format!(
            "the content type '{name}' is not supported here: use one of {}, or a batch job",
            names.join(", ")
        ))
    })
}

// In doubt the best guess is taken: this operation has no error for it.
fn detected(app: &App, document: &Document) -> Result<domain::language::LanguageCode, ApiError> {
    let detection = app.translator.detect(document);
    match detection {
        Some(detection) => Ok(detection.language),
        None => ENGLISH.parse().map_err(ApiError::internal),
    }
}

fn refuse_without_english(pair: LanguagePair) -> Result<(), ApiError> {
    let LanguagePair { source, target } = pair;
    if [source, target].iter().any(|language| language.as_str() == ENGLISH) {
        return Ok(());
    }
    Err(ApiError::UnsupportedLanguagePair {
        message: format!(
            "Unsupported language pair: {source} to {target}. The source or the target language \
             of a document must be 'en'"
        ),
        source: source.as_str().to_owned(),
        target: target.as_str().to_owned(),
    })
}

fn refuse_settings(
    settings: Option<TranslationSettings>,
    target: domain::language::LanguageCode,
) -> Result<(), ApiError> {
    let settings = settings.unwrap_or_default();
    if settings.brevity.is_some() {
        return Err(ApiError::InvalidRequest("brevity is not supported for documents".to_owned()));
    }
    if settings.formality.is_some() && !target.has_formality() {
        return Err(ApiError::InvalidRequest(format!(
            "formality is not supported for the target language '{target}'"
        )));
    }
    Ok(())
}

fn too_large(limit: &str) -> ApiError {
    ApiError::LimitExceeded(format!(
        "the document exceeds the limit of {limit}: use a batch job for larger ones"
    ))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::test_app::TestApp;

    async fn call(content_type: &str, content: &[u8], changes: Value) -> Result<Value, String> {
        let mut body = json!({
            "Document": { "Content": STANDARD.encode(content), "ContentType": content_type },
            "SourceLanguageCode": "en", "TargetLanguageCode": "es",
        });
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        TestApp::start().await.call("TranslateDocument", body).await
    }

    async fn check(content: &str, expected: &str) {
        let answer = call("text/plain", content.as_bytes(), json!({})).await.unwrap();
        let content = STANDARD.encode(expected);
        let expected = json!({
            "TranslatedDocument": { "Content": content },
            "SourceLanguageCode": "en", "TargetLanguageCode": "es",
        });
        assert_eq!(answer, expected);
    }

    async fn check_refused(content_type: &str, content: &[u8], changes: Value, expected: &str) {
        let refused = call(content_type, content, changes).await.unwrap_err();
        assert!(refused.starts_with(expected), "{refused}");
    }

    #[tokio::test]
    async fn a_document_is_translated() {
        check("Good.\n\nBad.\n", "[es Ĝóóđ.]\n\n[es Ɓáđ.]\n".replace('Ɓ', "Ƀ").as_str()).await;
        check("12\n", "12\n").await;
    }

    #[tokio::test]
    async fn what_cannot_be_done_is_refused() {
        let text = "text/plain";
        let french =
            |target: &str| json!({ "SourceLanguageCode": "fr", "TargetLanguageCode": target });
        check_refused(text, b"a", french("de"), "UnsupportedLanguagePairException: ").await;
        assert!(call(text, b"a", french("en")).await.is_ok());
        let settings = |target: &str, settings: Value| json!({ "TargetLanguageCode": target, "Settings": settings });
        let formal = json!({ "Formality": "FORMAL" });
        check_refused(text, b"a", settings("pl", formal.clone()), "InvalidRequestException: ")
            .await;
        let applied = call(text, b"a", settings("de", formal.clone())).await.unwrap();
        assert_eq!(applied["AppliedSettings"], formal);
        let brief = settings("fr", json!({ "Brevity": "ON" }));
        check_refused(text, b"a", brief, "InvalidRequestException: ").await;
        check_refused("application/pdf", b"a", json!({}), "InvalidRequestException: ").await;
        check_refused(text, b"", json!({}), "InvalidRequestException: the document is empty").await;
        check_refused(text, b"\xFF", json!({}), "InvalidRequestException: Invalid utf-8").await;
        check_refused(text, &b"1".repeat(100_001), json!({}), "LimitExceededException: ").await;
        check_refused(text, &b"1".repeat(102_401), json!({}), "ValidationException: ").await;
        assert!(call(text, &b"1".repeat(100_000), json!({})).await.is_ok());
    }
}
