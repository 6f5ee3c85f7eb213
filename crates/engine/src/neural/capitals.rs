//! Text in capitals, which models do not know: `GOOD MORNING` is read as
//! `Good morning`, and its translation is written in capitals again.
//!
//! Acronyms in ordinary text stay as they are: only what has no small letter
//! at all is meant.

use domain::language::LanguageCode;

/// What has a word of at least this many letters is not just an acronym.
const WORD_LETTERS_MIN: usize = 4;

/// Whether `text` is all capitals.
pub(super) fn are_shouted(text: &str) -> bool {
    !text.contains(char::is_lowercase) && text.split_whitespace().any(is_shouted_word)
}

/// The text as it would be written without capitals.
pub(super) fn lowered(text: &str, source: LanguageCode) -> String {
    let dotless = if has_dotless_i(source) {
        text.replace('I', "ı").replace('İ', "i")
    } else {
        text.to_owned()
    };
    let lowered = sentence_case(&dotless.to_lowercase(), source);
    if source.as_str() == "en" {
        return with_english_i(&lowered);
    }
    lowered
}

/// The text in capitals.
pub(super) fn raised(text: &str, target: LanguageCode) -> String {
    if has_dotless_i(target) {
        return text.replace('i', "İ").to_uppercase();
    }
    text.to_uppercase()
}

// `ERR_TIMEOUT` and `X86` are names, not words.
fn is_shouted_word(word: &str) -> bool {
    let letters = word.chars().filter(|character| character.is_uppercase()).count();
    let is_name = word.contains(|character: char| character == '_' || character.is_numeric());
    WORD_LETTERS_MIN <= letters && !is_name
}

fn has_dotless_i(language: LanguageCode) -> bool {
    matches!(language.as_str(), "tr" | "az")
}

fn sentence_case(text: &str, language: LanguageCode) -> String {
    let mut cased = String::with_capacity(text.len());
    let mut rest = text.chars();
    for character in rest.by_ref() {
        if character.is_alphabetic() {
            cased.push_str(&raised(character.encode_utf8(&mut [0; 4]), language));
            break;
        }
        cased.push(character);
    }
    cased.push_str(rest.as_str());
    cased
}

// The one English word that is always a capital.
fn with_english_i(text: &str) -> String {
    let mut cased = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    let mut after_letter = false;
    while let Some(character) = characters.next() {
        let before_letter = characters.peek().is_some_and(|next| next.is_alphanumeric());
        let is_word = character == 'i' && !after_letter && !before_letter;
        cased.push(if is_word { 'I' } else { character });
        after_letter = character.is_alphanumeric();
    }
    cased
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(language: &str, text: &str, expected: Option<&str>) {
        let language = language.parse().expect("a language");
        let found = are_shouted(text).then(|| lowered(text, language));
        assert_eq!(found.as_deref(), expected, "{text}");
    }

    #[test]
    fn what_is_all_capitals_is_lowered() {
        check("en", "GOOD MORNING.", Some("Good morning."));
        check("en", "¡I THINK I'M HERE, I SAID (I)!", Some("¡I think I'm here, I said (I)!"));
        check("es", "¿DÓNDE ESTÁ EL NIÑO?", Some("¿Dónde está el niño?"));
        check("tr", "İYİ KIŞLAR", Some("İyi kışlar"));
        check("ru", "ДОБРОЕ УТРО", Some("Доброе утро"));
    }

    #[test]
    fn acronyms_and_names_are_left() {
        for text in ["NASA is here", "USB 3", "ERR_TIMEOUT", "X86-64", "OK", "漢字", "", "123", "A"]
        {
            check("en", text, None);
        }
    }

    #[test]
    fn capitals_are_those_of_the_language() {
        let raise = |language: &str, text| raised(text, language.parse().expect("a language"));
        assert_eq!(raise("es", "Buenos días."), "BUENOS DÍAS.");
        assert_eq!(raise("tr", "iyi kışlar"), "İYİ KIŞLAR");
        assert_eq!(raise("de", "große Straße"), "GROSSE STRASSE");
    }
}
