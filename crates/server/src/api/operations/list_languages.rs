//! `ListLanguages`: the languages that can be translated from or into.
//!
//! Listed in the order of their English names whatever the display language, so
//! that pages are the same in all of them.

use domain::Timestamp;
use domain::language::LanguageCode;
use serde::{Deserialize, Serialize};

use crate::api::Operation;
use crate::api::error::ApiError;
use crate::api::language_names::DisplayLanguage;
use crate::api::shapes::Language;
use crate::api::token::{Scope, TokenKey};
use crate::auth::Caller;

/// How names are shown, and which page of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    /// The language of the names; English when absent.
    pub display_language_code: Option<String>,
    /// Where to go on; an empty one is none.
    pub next_token: Option<String>,
    /// The most languages on the page: 1 to 500.
    pub max_results: Option<usize>,
}

/// One page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    /// The languages.
    pub languages: Vec<Language>,
    /// The language of the names.
    pub display_language_code: &'static str,
    /// Where to go on, when there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// What this installation can translate.
#[derive(Clone, Copy, Debug)]
pub struct Available<'a> {
    /// The languages some engine reads or writes, in any order.
    pub languages: &'a [LanguageCode],
    /// Whether the source may be `auto`.
    pub has_detection: bool,
}

const PAGE_LANGUAGES: usize = 500;
/// The name of detection, the same in all display languages.
const AUTO_NAME: &str = "Auto";

/// Lists a page of what is `available`.
pub fn call(
    available: Available<'_>,
    tokens: &TokenKey,
    caller: &Caller,
    now: Timestamp,
    input: Input,
) -> Result<Output, ApiError> {
    let Input { display_language_code, next_token, max_results } = input;
    let display = match display_language_code {
        None => DisplayLanguage::ENGLISH,
        Some(code) => DisplayLanguage::from_code(&code).ok_or_else(|| unsupported(code))?,
    };
    let scope = Scope {
        operation: Operation::ListLanguages.name(),
        account: &caller.account,
        region: &caller.region,
        filter: "",
    };
    // The position is the English name of the last language told.
    let after = match next_token.as_deref() {
        None | Some("") => None,
        Some(token) => Some(
            tokens
                .open(scope, token, now)
                .map_err(|err| ApiError::InvalidParameterValue(err.to_string()))?,
        ),
    };

    let mut entries = entries(available);
    entries.retain(|entry| after.as_deref().is_none_or(|after| after < entry.english_name()));
    let page_languages = max_results.unwrap_or(PAGE_LANGUAGES);
    let next_token = (page_languages < entries.len()).then(|| {
        entries.truncate(page_languages);
        let last = entries.last().map_or("", |entry| entry.english_name());
        tokens.issue(scope, last, now)
    });
    Ok(Output {
        languages: entries.into_iter().map(|entry| entry.shown_in(display)).collect(),
        display_language_code: display.as_str(),
        next_token,
    })
}

fn unsupported(code: String) -> ApiError {
    ApiError::UnsupportedDisplayLanguageCode {
        message: format!(
            "names cannot be shown in '{code}': use de, en, es, fr, it, ja, ko, pt, \
             zh or zh-TW"
        ),
        display_language_code: code,
    }
}

#[derive(Clone, Copy)]
enum Entry {
    Auto,
    Language(LanguageCode),
}

impl Entry {
    fn english_name(self) -> &'static str {
        match self {
            Self::Auto => AUTO_NAME,
            Self::Language(code) => code.english_name(),
        }
    }

    fn shown_in(self, display: DisplayLanguage) -> Language {
        let (language_name, language_code) = match self {
            Self::Auto => (AUTO_NAME, LanguageCode::AUTO),
            Self::Language(code) => (display.name_of(code), code.as_str()),
        };
        Language { language_name, language_code }
    }
}

/// What is listed, in the order of English names.
fn entries(available: Available<'_>) -> Vec<Entry> {
    let languages = LanguageCode::all().filter(|code| available.languages.contains(code));
    let mut entries: Vec<Entry> = languages.map(Entry::Language).collect();
    if available.has_detection {
        entries.push(Entry::Auto);
    }
    entries.sort_by_key(|entry| entry.english_name());
    entries
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::decode;

    const NOW: Timestamp = Timestamp(1_000_000_000_000);
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

    fn caller(account: &str) -> Caller {
        Caller { account: account.to_owned(), region: "us-east-1".to_owned(), access_key_id: None }
    }

    fn list_as(
        account: &str,
        codes: &[&str],
        body: &Value,
        now: Timestamp,
    ) -> Result<Value, ApiError> {
        let languages: Vec<LanguageCode> = codes
            .iter()
            .filter(|&&code| code != "auto")
            .map(|code| code.parse().unwrap())
            .collect();
        let available = Available { languages: &languages, has_detection: codes.contains(&"auto") };
        let body = body.to_string();
        let input =
            decode::read(Operation::ListLanguages.input(), body.as_bytes())?.into_input()?;
        let tokens = TokenKey::new([1; 32]);
        let output = call(available, &tokens, &caller(account), now, input)?;
        Ok(serde_json::to_value(output).unwrap())
    }

    fn list(codes: &[&str], body: &Value) -> Result<Value, ApiError> {
        list_as("000000000000", codes, body, NOW)
    }

    fn all() -> Vec<&'static str> {
        LanguageCode::all().map(LanguageCode::as_str).chain(["auto"]).collect()
    }

    #[test]
    fn installed_languages_are_listed_by_english_name() {
        assert_eq!(
            list(&["es", "en", "auto", "hy", "az"], &json!({})).unwrap(),
            json!({
                "Languages": [
                    { "LanguageName": "Armenian", "LanguageCode": "hy" },
                    { "LanguageName": "Auto", "LanguageCode": "auto" },
                    { "LanguageName": "Azerbaijani", "LanguageCode": "az" },
                    { "LanguageName": "English", "LanguageCode": "en" },
                    { "LanguageName": "Spanish", "LanguageCode": "es" },
                ],
                "DisplayLanguageCode": "en",
            })
        );
        let none = json!({ "Languages": [], "DisplayLanguageCode": "en" });
        assert_eq!(list(&[], &json!({})).unwrap(), none);
    }

    #[test]
    fn the_full_list_is_one_page() {
        let full = list(&all(), &json!({ "NextToken": "" })).unwrap();
        assert_eq!(full["Languages"].as_array().unwrap().len(), 76);
        assert_eq!(full["Languages"][5], json!({ "LanguageName": "Auto", "LanguageCode": "auto" }));
        assert_eq!(full.get("NextToken"), None);
    }

    #[test]
    fn names_are_shown_in_another_language_in_the_same_order() {
        let body = json!({ "DisplayLanguageCode": "de" });
        assert_eq!(
            list(&["de", "sq", "auto"], &body).unwrap(),
            json!({
                "Languages": [
                    { "LanguageName": "Albanisch", "LanguageCode": "sq" },
                    { "LanguageName": "Auto", "LanguageCode": "auto" },
                    { "LanguageName": "Deutsch", "LanguageCode": "de" },
                ],
                "DisplayLanguageCode": "de",
            })
        );
    }

    #[test]
    fn an_unknown_display_language_has_an_error_of_its_own() {
        for code in ["xx", "", "EN"] {
            let refused = list(&[], &json!({ "DisplayLanguageCode": code })).unwrap_err();
            let body: Value = serde_json::from_str(&refused.body()).unwrap();
            assert_eq!(body["__type"], "UnsupportedDisplayLanguageCodeException");
            assert_eq!(body["DisplayLanguageCode"], code);
        }
    }

    #[test]
    fn a_bad_token_is_refused() {
        let first = list(&all(), &json!({ "MaxResults": 2 })).unwrap();
        let body = json!({ "NextToken": first["NextToken"] });
        let check = |account: &str, body: &Value, now| {
            let refused = list_as(account, &all(), body, now).unwrap_err();
            assert_eq!(refused.name(), "InvalidParameterValueException");
        };
        assert!(list(&all(), &body).is_ok());
        check("111122223333", &body, NOW);
        check("000000000000", &body, Timestamp(NOW.0 + DAY_MS + 1));
        check("000000000000", &json!({ "NextToken": "made up" }), NOW);
    }

    #[test]
    fn a_language_that_comes_between_two_pages_does_no_harm() {
        let first = list(&["en", "fr"], &json!({ "MaxResults": 1 })).unwrap();
        let body = json!({ "NextToken": first["NextToken"] });
        let second = list(&["af", "fr", "es"], &body).unwrap();
        let codes: Vec<&Value> =
            second["Languages"].as_array().unwrap().iter().map(|it| &it["LanguageCode"]).collect();
        assert_eq!(codes, ["fr", "es"]);
    }

    proptest! {
        #[test]
        fn pages_of_any_size_make_the_whole_list(
            sizes in prop::collection::vec(1_usize..30, 80),
            codes in prop::sample::subsequence(all(), 0..=76),
        ) {
            let whole = list(&codes, &json!({})).unwrap();
            let mut paged = Vec::new();
            let mut token = json!(null);
            for size in sizes {
                let body = json!({ "MaxResults": size, "NextToken": token });
                let page = list(&codes, &body).unwrap();
                let languages = page["Languages"].as_array().unwrap();
                paged.extend(languages.clone());
                match page.get("NextToken") {
                    Some(next) => {
                        prop_assert_eq!(languages.len(), size);
                        token = next.clone();
                    }
                    None => break,
                }
            }
            prop_assert_eq!(Value::from(paged), whole["Languages"].clone());
        }
    }
}
