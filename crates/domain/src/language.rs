//! The languages of the service: which there are and what each can do.
//!
//! Codes are compared exactly; there are no aliases. The order is the one in
//! which the service lists them, by English name.

use std::fmt;
use std::str::FromStr;

/// One language of the list.
///
/// Small and cheap to copy: an index into the table below.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LanguageCode(u8);

/// A direction of translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LanguagePair {
    /// Translated from.
    pub source: LanguageCode,
    /// Translated into.
    pub target: LanguageCode,
}

impl LanguagePair {
    const BRIEF: [&str; 5] = ["fr", "de", "it", "pt", "es"];

    /// Whether a short translation may be asked for.
    pub fn has_brevity(self) -> bool {
        let is_brief = |language: LanguageCode| Self::BRIEF.contains(&language.as_str());
        is_brief(self.target) || (self.target.as_str() == "en" && is_brief(self.source))
    }
}

/// A code that is not in the list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("language '{0}' is not supported")]
pub struct UnknownLanguage(pub String);

struct Language {
    code: &'static str,
    english_name: &'static str,
    has_formality: bool,
    has_profanity_masking: bool,
}

impl LanguageCode {
    /// What stands in the place of a source language that is to be detected.
    pub const AUTO: &str = "auto";

    /// All languages, in the service's order.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        (0..LANGUAGES.len())
            .map(|index| Self(u8::try_from(index).expect("the list has fewer than 256 languages")))
    }

    /// The code as callers write it, such as `zh-TW`.
    pub fn as_str(self) -> &'static str {
        self.language().code
    }

    /// The name in English, as the service lists it.
    pub fn english_name(self) -> &'static str {
        self.language().english_name
    }

    /// Whether formality may be asked for when translating into this language.
    pub fn has_formality(self) -> bool {
        self.language().has_formality
    }

    /// Whether profane words can be masked when translating into this language.
    pub fn has_profanity_masking(self) -> bool {
        self.language().has_profanity_masking
    }

    /// The language that this is a variant of, if its texts can be read as that
    /// one's. Traditional Chinese cannot: it is written in other characters.
    pub fn base(self) -> Option<Self> {
        match self.as_str() {
            "zh-TW" => None,
            code => code.split_once('-').and_then(|(base, _)| base.parse().ok()),
        }
    }

    /// The language that a tag such as `en-US` or `zh_Hant_TW` names: the one of
    /// the list with that very code, or else the one without region and script.
    ///
    /// Tags are in use in many spellings; codes of the API are not, and are parsed.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let tag = tag.trim().replace('_', "-");
        let with_code = |code: &str| Self::all().find(|it| it.as_str().eq_ignore_ascii_case(code));
        let mut subtags = tag.split('-');
        let base = subtags.next()?;
        let is = |codes: &[&str]| codes.iter().any(|code| code.eq_ignore_ascii_case(base));
        let is_traditional = |subtag: &str| {
            ["Hant", "TW", "HK", "MO"].iter().any(|other| other.eq_ignore_ascii_case(subtag))
        };
        if is(&["zh"]) && !tag.to_ascii_lowercase().contains("hans") && subtags.any(is_traditional)
        {
            return with_code("zh-TW");
        }
        // The list has one Norwegian, and its own codes for Hebrew, Indonesian and Filipino.
        let base = match () {
            () if is(&["nb", "nn"]) => "no",
            () if is(&["iw"]) => "he",
            () if is(&["in"]) => "id",
            () if is(&["fil"]) => "tl",
            () => base,
        };
        with_code(&tag).or_else(|| with_code(base))
    }

    fn language(self) -> &'static Language {
        &LANGUAGES[usize::from(self.0)]
    }
}

impl FromStr for LanguageCode {
    type Err = UnknownLanguage;

    fn from_str(code: &str) -> Result<Self, UnknownLanguage> {
        Self::all()
            .find(|language| language.as_str() == code)
            .ok_or_else(|| UnknownLanguage(code.to_owned()))
    }
}

impl fmt::Display for LanguageCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for LanguageCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for LanguagePair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.source, self.target)
    }
}

const fn language(
    code: &'static str,
    english_name: &'static str,
    formality: &'static str,
    profanity: &'static str,
) -> Language {
    Language {
        code,
        english_name,
        has_formality: !formality.is_empty(),
        has_profanity_masking: !profanity.is_empty(),
    }
}

// Code, English name, formality, masking of profanity: the list of the
// service's developer guide, with the names of its ListLanguages answer.
#[rustfmt::skip]
const LANGUAGES: &[Language] = &[
    language("af", "Afrikaans", "", "masking"),
    language("sq", "Albanian", "", "masking"),
    language("am", "Amharic", "", "masking"),
    language("ar", "Arabic", "", "masking"),
    language("hy", "Armenian", "", "masking"),
    language("az", "Azerbaijani", "", "masking"),
    language("bn", "Bengali", "", ""),
    language("bs", "Bosnian", "", "masking"),
    language("bg", "Bulgarian", "", "masking"),
    language("fr-CA", "Canadian French", "formality", "masking"),
    language("ca", "Catalan", "", "masking"),
    language("zh", "Chinese", "", "masking"),
    language("zh-TW", "Chinese Traditional", "", "masking"),
    language("hr", "Croatian", "", "masking"),
    language("cs", "Czech", "", "masking"),
    language("da", "Danish", "", "masking"),
    language("fa-AF", "Dari", "", "masking"),
    language("nl", "Dutch", "formality", "masking"),
    language("en", "English", "", "masking"),
    language("et", "Estonian", "", "masking"),
    language("fi", "Finnish", "", "masking"),
    language("fr", "French", "formality", "masking"),
    language("ka", "Georgian", "", "masking"),
    language("de", "German", "formality", "masking"),
    language("el", "Greek", "", "masking"),
    language("gu", "Gujarati", "", "masking"),
    language("ht", "Haitian Creole", "", "masking"),
    language("ha", "Hausa", "", "masking"),
    language("he", "Hebrew", "", "masking"),
    language("hi", "Hindi", "formality", ""),
    language("hu", "Hungarian", "", "masking"),
    language("is", "Icelandic", "", "masking"),
    language("id", "Indonesian", "", "masking"),
    language("ga", "Irish", "", "masking"),
    language("it", "Italian", "formality", "masking"),
    language("ja", "Japanese", "formality", "masking"),
    language("kn", "Kannada", "", "masking"),
    language("kk", "Kazakh", "", "masking"),
    language("ko", "Korean", "formality", "masking"),
    language("lv", "Latvian", "", "masking"),
    language("lt", "Lithuanian", "", "masking"),
    language("mk", "Macedonian", "", "masking"),
    language("ms", "Malay", "", "masking"),
    language("ml", "Malayalam", "", ""),
    language("mt", "Maltese", "", "masking"),
    language("mr", "Marathi", "", "masking"),
    language("es-MX", "Mexican Spanish", "formality", "masking"),
    language("mn", "Mongolian", "", "masking"),
    language("no", "Norwegian", "", "masking"),
    language("ps", "Pashto", "", "masking"),
    language("fa", "Persian", "", "masking"),
    language("pl", "Polish", "", "masking"),
    language("pt-PT", "Portugal Portuguese", "formality", "masking"),
    language("pt", "Portuguese", "", "masking"),
    language("pa", "Punjabi", "", ""),
    language("ro", "Romanian", "", "masking"),
    language("ru", "Russian", "", "masking"),
    language("sr", "Serbian", "", "masking"),
    language("si", "Sinhala", "", ""),
    language("sk", "Slovak", "", "masking"),
    language("sl", "Slovenian", "", "masking"),
    language("so", "Somali", "", "masking"),
    language("es", "Spanish", "formality", "masking"),
    language("sw", "Swahili", "", "masking"),
    language("sv", "Swedish", "", "masking"),
    language("tl", "Tagalog", "", "masking"),
    language("ta", "Tamil", "", "masking"),
    language("te", "Telugu", "", "masking"),
    language("th", "Thai", "", "masking"),
    language("tr", "Turkish", "", "masking"),
    language("uk", "Ukrainian", "", "masking"),
    language("ur", "Urdu", "", "masking"),
    language("uz", "Uzbek", "", "masking"),
    language("vi", "Vietnamese", "", ""),
    language("cy", "Welsh", "", "masking"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_the_services() {
        assert_eq!(LanguageCode::all().len(), 75);
        assert_eq!(LanguageCode::all().filter(|code| code.has_formality()).count(), 11);
        assert_eq!(LanguageCode::all().filter(|code| !code.has_profanity_masking()).count(), 6);
    }

    #[test]
    fn the_list_is_in_the_order_of_english_names() {
        let names: Vec<&str> = LanguageCode::all().map(LanguageCode::english_name).collect();
        assert!(names.is_sorted(), "{names:?}");
        assert_eq!((names[0], names[74]), ("Afrikaans", "Welsh"));
    }

    #[test]
    fn variants_know_what_they_are_of() {
        let base =
            |code: &str| code.parse::<LanguageCode>().unwrap().base().map(LanguageCode::as_str);
        assert_eq!(
            [base("es-MX"), base("fa-AF"), base("pt-PT")],
            [Some("es"), Some("fa"), Some("pt")]
        );
        assert_eq!([base("zh-TW"), base("es")], [None, None]);
    }

    #[test]
    fn tags_name_the_language_that_fits() {
        for (tag, expected) in [
            ("en", Some("en")),
            ("EN-us", Some("en")),
            ("en_GB.UTF-8", Some("en")),
            ("pt-BR", Some("pt")),
            ("pt-pt", Some("pt-PT")),
            ("fr_CA", Some("fr-CA")),
            ("fa-IR", Some("fa")),
            ("zh-CN", Some("zh")),
            ("zh-Hans-TW", Some("zh")),
            ("zh-Hant", Some("zh-TW")),
            ("zh_HK", Some("zh-TW")),
            ("nb-NO", Some("no")),
            ("iw", Some("he")),
            ("fil-PH", Some("tl")),
            ("tlh", None),
            ("x-none", None),
            ("", None),
        ] {
            assert_eq!(LanguageCode::from_tag(tag).map(LanguageCode::as_str), expected, "{tag}");
        }
    }

    #[test]
    fn codes_are_compared_exactly() {
        assert_eq!("zh-TW".parse::<LanguageCode>().unwrap().as_str(), "zh-TW");
        for unknown in ["zh-tw", "EN", "auto", "nb", ""] {
            assert_eq!(unknown.parse::<LanguageCode>(), Err(UnknownLanguage(unknown.to_owned())));
        }
    }
}
