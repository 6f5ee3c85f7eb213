//! Running text: how it is cut into what an engine takes at once, and put
//! together again.
//!
//! Lines are cut into sentences, and sentences that are too long into pieces.
//! What is not translated (white space, control characters, numbers) stays
//! between the segments exactly as it was.
//!
//! Start reading at [`Segments::of`].

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

use self::sentences::SentenceRules;
use crate::language::LanguageCode;

/// A text and the parts of it that are to be translated.
///
/// Holds no copy of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segments<'a> {
    text: &'a str,
    // Invariant: in order, apart, not empty, and at borders of characters.
    ranges: Vec<Range<usize>>,
}

impl<'a> Segments<'a> {
    /// Cuts `text`, which is written in `language`, into segments of one
    /// sentence and at most `segment_bytes_max` bytes each.
    ///
    /// A segment has no white space around it, no control characters in it,
    /// and something that [`is_translatable`].
    pub fn of(text: &'a str, language: LanguageCode, segment_bytes_max: usize) -> Self {
        let rules = SentenceRules::of(language);
        let mut ranges = Vec::new();
        for block in blocks(text) {
            let start = block.start;
            rules.cut(&text[block], segment_bytes_max, |piece| {
                let range = trimmed(text, start + piece.start..start + piece.end);
                if is_translatable(&text[range.clone()]) {
                    ranges.push(range);
                }
            });
        }
        Self { text, ranges }
    }

    /// The segments, in order.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = &'a str> {
        self.ranges.iter().map(|range| &self.text[range.clone()])
    }

    /// How many segments there are.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Whether there is nothing to translate.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The text with `translation(i)` in the place of segment `i`.
    pub fn render<'t>(&self, mut translation: impl FnMut(usize) -> &'t str) -> String {
        let mut rendered = String::with_capacity(self.text.len() + self.text.len() / 4);
        let mut end = 0;
        for (index, range) in self.ranges.iter().enumerate() {
            rendered.push_str(&self.text[end..range.start]);
            rendered.push_str(translation(index));
            end = range.end;
        }
        rendered.push_str(&self.text[end..]);
        rendered
    }
}

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

    fn language(code: &str) -> LanguageCode {
        code.parse().unwrap()
    }

    fn check(text: &str, expected: &[&str]) {
        let segments = Segments::of(text, language("en"), 1_000);
        assert_eq!(segments.texts().collect::<Vec<_>>(), expected, "{text:?}");
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
    fn segments_are_replaced_and_the_rest_stays() {
        let segments = Segments::of(" One.  Two?\r\n\t3\n", language("en"), 1_000);
        assert_eq!(segments.len(), 2);
        assert_eq!(segments.render(|index| ["Uno.", "¿Dos?"][index]), " Uno.  ¿Dos?\r\n\t3\n");
    }

    #[test]
    fn every_language_has_rules() {
        for code in LanguageCode::all() {
            let segments = Segments::of("Abc def ghi! Jkl mno pqr!", code, 1_000);
            assert_eq!(segments.len(), 2, "{code}");
        }
        let chinese = Segments::of("今天天气很好。我们去公园吧！好吗？", language("zh"), 1_000);
        assert_eq!(chinese.len(), 3);
        let hindi = Segments::of("यह एक किताब है। वह मेरा दोस्त है।", language("hi"), 1_000);
        assert_eq!(hindi.len(), 2);
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
            let segments = Segments::of(&text, language("en"), 1_000);
            assert!(segments.texts().all(|segment| segment.len() <= 1_000), "{unit:?}");
            let texts: Vec<&str> = segments.texts().collect();
            assert_eq!(segments.render(|index| texts[index]), text);
        }
    }

    proptest! {
        #[test]
        fn pieces_are_short_and_together_make_the_text(
            text in "([a-zA-Z0-9.!? \n\t\r\"'()。é漢\u{301}\u{1F600}]|\\PC|\u{2028}|Dr\\. ){0,200}",
            bytes_max in 1usize..50,
            code in prop::sample::select(vec!["en", "es", "zh", "ja", "th", "ar", "de"]),
        ) {
            let segments = Segments::of(&text, language(code), bytes_max);
            let texts: Vec<&str> = segments.texts().collect();
            prop_assert_eq!(segments.render(|index| texts[index]), text.clone());
            for segment in texts {
                let is_one_character = segment.chars().count() == 1;
                prop_assert!(segment.len() <= bytes_max || is_one_character, "{:?}", segment);
                prop_assert_eq!(segment.trim(), segment);
                prop_assert!(is_translatable(segment) && !segment.contains(is_border));
            }
        }
    }
}
