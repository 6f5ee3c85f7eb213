//! The names of languages in the ten languages in which they can be shown.
//!
//! The English ones are the service's own. The others are the display names of
//! Unicode CLDR 48.2, put together by its rules where it has no name for a
//! variant as a whole; `zh-TW` is named as traditional Chinese.

use domain::language::LanguageCode;

/// One row for each language, one column for each display language but English.
const TABLE: &str = include_str!("language_names.tsv");

/// A language in which names can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisplayLanguage {
    code: &'static str,
    // `None` for English, whose names are not in the table.
    column: Option<usize>,
}

impl DisplayLanguage {
    /// English, which is meant when nothing is said.
    pub const ENGLISH: Self = Self { code: "en", column: None };

    /// The display language of this code, compared exactly.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::all().find(|display| display.code == code)
    }

    /// All display languages, in the order of their codes.
    pub fn all() -> impl Iterator<Item = Self> {
        let heads = TABLE.lines().next().unwrap_or_default().split('\t').enumerate().skip(1);
        let others = heads.map(|(column, code)| Self { code, column: Some(column) });
        let mut all: Vec<Self> = others.chain([Self::ENGLISH]).collect();
        all.sort_by_key(|display| display.code);
        all.into_iter()
    }

    /// The code, such as `zh-TW`.
    pub fn as_str(self) -> &'static str {
        self.code
    }

    /// The name of `language`; the English one if there is no other.
    pub fn name_of(self, language: LanguageCode) -> &'static str {
        self.column
            .and_then(|column| {
                let mut rows = TABLE.lines().map(|row| row.split('\t'));
                rows.find_map(|mut row| {
                    (row.next() == Some(language.as_str())).then(|| row.nth(column - 1))
                })?
            })
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| language.english_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(display: &str, language: &str, expected: &str) {
        let display = DisplayLanguage::from_code(display).unwrap();
        assert_eq!(display.name_of(language.parse().unwrap()), expected);
    }

    #[test]
    fn names_are_in_their_language() {
        check("en", "zh-TW", "Chinese Traditional");
        check("de", "zh-TW", "Chinesisch (traditionell)");
        check("de", "fr-CA", "Französisch (Kanada)");
        check("fr", "fa-AF", "dari");
        check("es", "es-MX", "español de México");
        check("it", "pt-PT", "portoghese europeo");
        check("ja", "af", "アフリカーンス語");
        check("ko", "zh-TW", "중국어(번체)");
        check("pt", "cy", "galês");
        check("zh", "en", "英语");
        check("zh-TW", "en", "英文");
    }

    #[test]
    fn the_table_is_whole() {
        for display in DisplayLanguage::all() {
            for language in LanguageCode::all() {
                let name = display.name_of(language);
                assert!(!name.trim().is_empty() && name.chars().count() <= 256);
            }
        }
        assert_eq!(TABLE.lines().count(), 1 + LanguageCode::all().len());
        assert!(TABLE.lines().all(|row| row.split('\t').filter(|it| !it.is_empty()).count() == 10));
    }

    #[test]
    fn there_are_ten_display_languages() {
        let codes: Vec<&str> = DisplayLanguage::all().map(DisplayLanguage::as_str).collect();
        assert_eq!(codes, ["de", "en", "es", "fr", "it", "ja", "ko", "pt", "zh", "zh-TW"]);
        for unknown in ["", "EN", "zh-tw", "xx", "code"] {
            assert_eq!(DisplayLanguage::from_code(unknown), None);
        }
    }
}
