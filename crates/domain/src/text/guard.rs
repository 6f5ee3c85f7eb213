//! What a translation cannot be, whatever it says: nothing, a loop, far too
//! long or short, without the numbers of its source, the source itself.
//!
//! Engines are never trusted; but neither are these rules a judge of quality.

use super::number::keeps_numbers;
use crate::language::LanguageCode;

/// What is wrong with a translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flaw {
    /// There is nothing in it.
    Empty,
    /// It says the same again and again.
    Loop,
    /// It is far too long or far too short.
    Length,
    /// It lacks a number.
    Number,
    /// It is the source, which is in another language.
    Copy,
    /// It lacks something that must come through unchanged, or has it twice.
    Placeholder,
}

impl Flaw {
    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Loop => "loop",
            Self::Length => "length",
            Self::Number => "number",
            Self::Copy => "copy",
            Self::Placeholder => "placeholder",
        }
    }
}

/// Below this many letters a copy is most likely a name.
const COPIED_WORDS_MIN: usize = 5;
/// What comes so often in a row is a loop, if the source has no such thing.
const LOOP_TIMES: usize = 4;
/// The words of what may be said again and again.
const LOOP_WORDS_MAX: usize = 6;

/// What is wrong with `translation`, a translation of `source` into `target`.
pub fn flaw(source: &str, translation: &str, target: LanguageCode) -> Option<Flaw> {
    if source.trim().is_empty() {
        return None;
    }
    if translation.trim().is_empty() {
        return Some(Flaw::Empty);
    }
    if is_off_in_length(source, translation) {
        return Some(Flaw::Length);
    }
    if LOOP_TIMES <= loops(translation) && loops(source) < LOOP_TIMES {
        return Some(Flaw::Loop);
    }
    if has_our_digits(target) && !keeps_numbers(source, translation) {
        return Some(Flaw::Number);
    }
    if source == translation && COPIED_WORDS_MIN <= words(source) {
        return Some(Flaw::Copy);
    }
    None
}

// Characters of scripts like Chinese say as much as three or four letters.
fn is_off_in_length(source: &str, translation: &str) -> bool {
    let (from, into) = (weight(source), weight(translation));
    3 * from + 40 < into || 4 * into + 40 < from
}

fn weight(text: &str) -> usize {
    text.chars().map(|character| if is_dense(character) { 3 } else { 1 }).sum()
}

fn is_dense(character: char) -> bool {
    matches!(character, '\u{1100}'..='\u{11FF}' | '\u{2E80}'..='\u{D7FF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..)
}

/// The most times in a row that the same few words or characters come.
fn loops(text: &str) -> usize {
    let words: Vec<&str> = text.split_whitespace().collect();
    let by_words = (1..=LOOP_WORDS_MAX).map(|length| repeats(&words, length)).max();
    let letters: Vec<char> = text.chars().filter(|it| it.is_alphabetic()).collect();
    // `aaah` and `hahaha` are words.
    let by_letters = (2..=LOOP_WORDS_MAX).map(|length| repeats(&letters, length) / 2).max();
    by_words.max(by_letters).unwrap_or(0)
}

fn repeats<T: PartialEq>(items: &[T], length: usize) -> usize {
    let (mut most, mut same) = (1, 0);
    for at in length..items.len() {
        same = if items[at] == items[at - length] { same + 1 } else { 0 };
        most = most.max(same / length + 1);
    }
    most
}

fn words(text: &str) -> usize {
    text.split_whitespace().filter(|word| word.contains(char::is_lowercase)).count()
}

// Some languages may be written with digits of their own.
fn has_our_digits(language: LanguageCode) -> bool {
    !matches!(
        language.as_str(),
        "ar" | "fa"
            | "fa-AF"
            | "ps"
            | "ur"
            | "bn"
            | "hi"
            | "mr"
            | "ne"
            | "gu"
            | "pa"
            | "kn"
            | "ml"
            | "ta"
            | "te"
            | "th"
            | "my"
            | "km"
            | "lo"
            | "am"
            | "zh"
            | "zh-TW"
            | "ja"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, translation: &str, expected: Option<Flaw>) {
        let found = flaw(source, translation, "es".parse().unwrap());
        assert_eq!(found, expected, "{source} / {translation}");
    }

    #[test]
    fn good_translations_pass() {
        check("Good morning.", "Buenos días.", None);
        check("Yes", "Sí", None);
        check("Hello, hello, hello, hello!", "¡Hola, hola, hola, hola!", None);
        check("very very very very very good", "muy muy muy muy muy bueno", None);
        check("In 1984 it cost $1,299.50.", "En 1984 costó 1.299,50 $.", None);
        check(
            "我们明天早上九点在图书馆门口见面。",
            "Nos vemos mañana a las nueve en la puerta de la biblioteca.",
            None,
        );
        check("Amazon Web Services", "Amazon Web Services", None);
    }

    #[test]
    fn bad_ones_are_told() {
        check("Good morning.", " ", Some(Flaw::Empty));
        check("I like it.", "Me gusta me gusta me gusta me gusta me gusta", Some(Flaw::Loop));
        check("I like it.", "a".repeat(200).as_str(), Some(Flaw::Length));
        check(&"I like it a lot. ".repeat(10), "Sí", Some(Flaw::Length));
        check("It was in 1984.", "Fue en 198.", Some(Flaw::Number));
        let sentence = "The meeting is held in the small room.";
        check(sentence, sentence, Some(Flaw::Copy));
    }
}
