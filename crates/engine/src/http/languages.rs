//! What other servers call the languages: the codes of LibreTranslate, and the
//! names that a language model is told.

use domain::language::LanguageCode;

/// The codes that LibreTranslate servers use for a language, the best one first,
/// where they are not ours. Versions differ.
fn other_codes(language: &str) -> &'static [&'static str] {
    match language {
        "zh" => &["zh-Hans", "zh-CN", "zh"],
        "zh-TW" => &["zh-Hant", "zh-TW", "zt"],
        "no" => &["nb", "no"],
        "he" => &["he", "iw"],
        "tl" => &["tl", "fil"],
        "fa-AF" => &["fa-AF", "prs"],
        _ => &[],
    }
}

/// The code of `language` among those that a LibreTranslate server listed.
pub(super) fn code_among(language: LanguageCode, listed: &[String]) -> Option<&str> {
    let find = |wanted: &str| {
        let is_wanted = |code: &&String| code.replace('_', "-").eq_ignore_ascii_case(wanted);
        listed.iter().find(is_wanted).map(String::as_str)
    };
    // Ours is the Portuguese of Brazil. Theirs is the one of Portugal where they
    // have both, and a mixture where they do not.
    let brazilian = || find("pt-BR").or_else(|| find("pb"));
    match language.as_str() {
        "pt" => brazilian().or_else(|| find("pt")),
        "pt-PT" => find("pt-PT").or_else(|| brazilian().and_then(|_| find("pt"))),
        code => match other_codes(code) {
            [] => find(code),
            codes => codes.iter().copied().find_map(find),
        },
    }
}

/// What a language is called to someone who does not know our list.
pub(super) fn full_name(language: LanguageCode) -> &'static str {
    match language.as_str() {
        "zh" => "Chinese (Simplified)",
        "zh-TW" => "Chinese (Traditional, as in Taiwan)",
        "fr-CA" => "French (Canada)",
        "no" => "Norwegian (Bokmål)",
        "pt" => "Portuguese (Brazil)",
        "pt-PT" => "Portuguese (Portugal)",
        "es-MX" => "Spanish (Mexico)",
        "fa-AF" => "Dari (the Persian of Afghanistan)",
        "tl" => "Tagalog (Filipino)",
        _ => language.english_name(),
    }
}

/// The words that address a reader formally and informally, if the language has such.
pub(super) fn forms_of_address(language: LanguageCode) -> Option<(&'static str, &'static str)> {
    let forms = match language.as_str() {
        "de" => ("\"Sie\"", "\"du\""),
        "es" | "es-MX" => ("\"usted\"", "\"tú\""),
        "fr" | "fr-CA" => ("\"vous\"", "\"tu\""),
        "hi" => ("\"आप\"", "\"तुम\""),
        "it" => ("\"Lei\"", "\"tu\""),
        "ja" => ("the polite style (丁寧語, です・ます)", "the plain style (くだけた言い方)"),
        "ko" => ("polite speech (존댓말)", "casual speech (반말)"),
        "nl" => ("\"u\"", "\"je\""),
        "pt-PT" => ("\"o senhor\" or \"a senhora\"", "\"tu\""),
        _ => return None,
    };
    Some(forms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(language: &str, listed: &[&str]) -> Option<String> {
        let listed: Vec<String> = listed.iter().map(|code| (*code).to_owned()).collect();
        code_among(language.parse().unwrap(), &listed).map(str::to_owned)
    }

    #[test]
    fn codes_of_all_versions_are_known() {
        let check = |language: &str, listed: &[&str], expected: Option<&str>| {
            let expected = expected.map(str::to_owned);
            assert_eq!(code(language, listed), expected, "{language} among {listed:?}");
        };
        check("en", &["de", "en"], Some("en"));
        check("zh", &["zt", "zh"], Some("zh"));
        check("zh", &["zh-Hant", "zh-Hans"], Some("zh-Hans"));
        check("zh-TW", &["zt", "zh"], Some("zt"));
        check("zh-TW", &["zh-Hant", "zh-Hans"], Some("zh-Hant"));
        check("zh-TW", &["zh"], None);
        check("no", &["nb"], Some("nb"));
        check("pt", &["pt"], Some("pt"));
        check("pt", &["pt", "pb"], Some("pb"));
        check("pt", &["pt", "pt-BR"], Some("pt-BR"));
        check("pt", &["pt", "pt_br"], Some("pt_br"));
        check("pt-PT", &["pt"], None);
        check("pt-PT", &["pt", "pb"], Some("pt"));
        check("fr-CA", &["fr"], None);
    }

    #[test]
    fn languages_with_formality_have_forms_of_address() {
        for language in LanguageCode::all() {
            assert_eq!(forms_of_address(language).is_some(), language.has_formality());
        }
    }

    #[test]
    fn no_two_languages_have_the_same_name() {
        let mut names: Vec<&str> = LanguageCode::all().map(full_name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 75);
    }
}
