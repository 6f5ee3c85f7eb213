//! Running text: how it is cut into what an engine takes at once, and put
//! together again.
//!
//! Lines are cut into sentences, and sentences that are too long into pieces.
//! What is not translated (white space, control characters, numbers) stays
//! between the segments exactly as it was.
//!
//! Start reading at [`Sentences::of_all`].

mod block;
mod guard;
mod number;
mod placeholder;
mod placement;
mod sentence;
mod sentences;
mod standin;
#[cfg(test)]
mod testing;
mod translatable;

pub use block::{Block, PlacedTag, Tag};
pub use guard::{Flaw, flaw};
pub use number::{keeps_numbers, numbers};
pub use placeholder::{Placeholders, placeholders};
pub use placement::{Link, Links, place};
pub use sentence::{Sentence, Sentences};
pub use standin::{Part, Protected, StandIn};
pub use translatable::is_translatable;

use std::ops::Range;

/// What stands between line ends and other control characters, without the
/// white space around it. What no engine would keep in place is never in a block.
pub(crate) fn blocks(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    let parts = text.split(is_border).map(move |part| {
        let range = start..start + part.len();
        // The border is at least one byte long; `trimmed` finds the rest of it.
        start = range.end + text[range.end..].chars().next().map_or(0, char::len_utf8);
        range
    });
    parts.map(|range| trimmed(text, range)).filter(|range| !range.is_empty())
}

// Tabs too: they part the columns of a table more often than the words of a sentence.
fn is_border(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let part = text[range.clone()].trim_start();
    let start = range.end - part.len();
    start..start + part.trim_end().len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The sentences of a text in the language with this code.
    fn sentences(text: &str, code: &str, bytes_max: usize) -> Vec<String> {
        let blocks = [Block::from(text)];
        let cut = Sentences::of_all(&blocks, code.parse().unwrap(), bytes_max);
        cut[0].iter().map(|sentence| sentence.text.to_owned()).collect()
    }

    /// The text with its sentences replaced.
    fn replaced(text: &str, code: &str, bytes_max: usize, translations: &[String]) -> String {
        let blocks = [Block::from(text)];
        let cut = Sentences::of_all(&blocks, code.parse().unwrap(), bytes_max);
        let translations = translations.iter().map(|text| (text.clone(), Vec::new()));
        cut[0].join(translations).text.into_owned()
    }

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(sentences(text, "en", 1_000), expected, "{text:?}");
    }

    #[test]
    fn text_is_cut_into_sentences() {
        check("", &[]);
        check("Good morning", &["Good morning"]);
        check("Good morning. How are you?  Fine!", &["Good morning.", "How are you?", "Fine!"]);
        check(
            "Dr. Smith paid $3.50 at 5 p.m. in the U.S. yesterday.",
            &["Dr. Smith paid $3.50 at 5 p.m. in the U.S. yesterday."],
        );
    }

    #[test]
    fn lines_and_control_characters_part_segments() {
        check("one\ntwo\r\nthree\rfour", &["one", "two", "three", "four"]);
        check("\u{1}one\u{c}two\u{2028}three\u{85}four\u{1b}", &["one", "two", "three", "four"]);
        check("Name\tPrice\n\n  a list  \n", &["Name", "Price", "a list"]);
    }

    #[test]
    fn what_needs_no_translation_is_no_segment() {
        check("12:30 - 13:45\nhttps://example.com\n***\nroom 5", &["room 5"]);
        check("Call us. 555 123. Thanks!", &["Call us.", "Thanks!"]);
    }

    #[test]
    fn sentences_are_replaced_and_the_rest_stays() {
        let translations = ["Uno.", "¿Dos?"].map(str::to_owned);
        let text = " One.  Two?\r\n\t3\n";
        assert_eq!(replaced(text, "en", 1_000, &translations), " Uno.  ¿Dos?\r\n\t3\n");
    }

    #[test]
    fn every_language_has_rules() {
        for code in crate::language::LanguageCode::all() {
            assert_eq!(
                sentences("Abc def ghi! Jkl mno pqr!", code.as_str(), 1_000).len(),
                2,
                "{code}"
            );
        }
        assert_eq!(sentences("今天天气很好。我们去公园吧！好吗？", "zh", 1_000).len(), 3);
        assert_eq!(sentences("यह एक किताब है। वह मेरा दोस्त है।", "hi", 1_000).len(), 2);
    }

    #[test]
    fn hostile_text_takes_no_longer_than_any_other() {
        for unit in [
            "a",
            ".",
            " ",
            "a.",
            ". ",
            "\"",
            "(",
            "(a. ",
            "1. ",
            "a b",
            "漢",
            "。",
            "e\u{301}",
            "\u{1F1E9}",
            "\u{200D}",
            "a\t",
            "A. ",
            "\"a.\" ",
            "x@y.",
            "1) ",
            "\u{201C}a. ",
        ] {
            let text = unit.repeat(1_000_000 / unit.len());
            let sentences = sentences(&text, "en", 1_000);
            assert!(sentences.iter().all(|sentence| sentence.len() <= 1_000), "{unit:?}");
            assert_eq!(replaced(&text, "en", 1_000, &sentences), text);
        }
    }

    proptest! {
        #[test]
        fn pieces_are_short_and_together_make_the_text(
            text in "([a-zA-Z0-9.!? \n\t\r\"'()。é漢\u{301}\u{1F600}]|\\PC|\u{2028}|Dr\\. ){0,200}",
            bytes_max in 1usize..50,
            code in prop::sample::select(vec!["en", "es", "zh", "ja", "th", "ar", "de"]),
        ) {
            let sentences = sentences(&text, code, bytes_max);
            prop_assert_eq!(replaced(&text, code, bytes_max, &sentences), text.clone());
            for segment in &sentences {
                let is_one_character = segment.chars().count() == 1;
                prop_assert!(segment.len() <= bytes_max || is_one_character, "{:?}", segment);
                prop_assert_eq!(segment.trim(), segment);
                prop_assert!(is_translatable(segment) && !segment.contains(is_border));
            }
        }
    }
}
