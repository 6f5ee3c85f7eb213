//! Where sentences end, and where to cut those that are too long.
//!
//! The rules and lists of abbreviations are those of `sentencex`. It is given
//! a few kilobytes at a time: the time it needs may grow with the square of
//! what it is given, and nobody writes sentences of that length.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sentencex::language_factory;
use sentencex::languages::Language;
use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use crate::language::LanguageCode;

/// How much of a text is looked at together.
const WINDOW_BYTES: usize = 4_096;

/// How sentences end in one language.
pub(super) struct SentenceRules {
    language: Box<dyn Language>,
}

impl SentenceRules {
    /// The rules of `language`, or of a language like it, or else of English.
    pub(super) fn of(language: LanguageCode) -> Self {
        Self { language: language_factory(&language.as_str().to_lowercase()) }
    }

    /// Gives `emit` the pieces of `block`, which has no line ends, in order and
    /// without a gap: a sentence each, or a part of at most `bytes_max` of one.
    /// Only a single character may be longer.
    pub(super) fn cut(&self, block: &str, bytes_max: usize, mut emit: impl FnMut(Range<usize>)) {
        let mut start = 0;
        while start < block.len() {
            let window = &block[start..start + cut_before(&block[start..], WINDOW_BYTES)];
            let mut sentences = self.sentences(window);
            // The last one may go on after the window.
            if start + window.len() < block.len() && 1 < sentences.len() {
                sentences.pop();
            }
            for length in sentences {
                let end = start + length;
                while start < end {
                    let piece = cut_before(&block[start..end], bytes_max);
                    emit(start..start + piece);
                    start += piece;
                }
            }
        }
    }

    /// The lengths of the sentences of `window`, which is not empty.
    fn sentences(&self, window: &str) -> Vec<usize> {
        if is_plainly_one(window) {
            return vec![window.len()];
        }
        // The text is anyone's and the library young: should it fail, the
        // window is cut by length alone.
        let found = catch_unwind(AssertUnwindSafe(|| self.language.segment(window)));
        let mut lengths: Vec<usize> =
            found.map(|parts| parts.into_iter().map(str::len).collect()).unwrap_or_default();
        lengths.retain(|length| 0 < *length);
        let mut end = 0;
        let is_whole = lengths.iter().all(|length| {
            end += length;
            window.is_char_boundary(end)
        });
        if !is_whole || end != window.len() {
            return vec![window.len()];
        }
        lengths
    }
}

// Most lines of most documents, which need not be looked at in detail.
fn is_plainly_one(window: &str) -> bool {
    let inner = window.trim_end_matches(|character: char| character.is_ascii_punctuation());
    inner.is_ascii() && !inner.contains(['.', '!', '?'])
}

/// How much of `text` to take when at most `bytes_max` bytes may be taken: all,
/// or up to the last blank or punctuation, or else up to a border of what a
/// reader takes for one character. At least one character.
fn cut_before(text: &str, bytes_max: usize) -> usize {
    if text.len() <= bytes_max {
        return text.len();
    }
    let end = text.floor_char_boundary(bytes_max);
    if end == 0 {
        return text.chars().next().map_or(0, char::len_utf8);
    }
    let last_border = text[..end]
        .char_indices()
        .rev()
        .find(|(_, character)| character.is_whitespace() || is_pause(*character))
        .map(|(at, character)| at + character.len_utf8());
    last_border.unwrap_or_else(|| {
        let mut cursor = GraphemeCursor::new(end, text.len(), true);
        if matches!(cursor.is_boundary(text, 0), Ok(true)) {
            return end;
        }
        let last = text[..end].grapheme_indices(true).next_back().map_or(0, |(at, _)| at);
        // One that alone is too long is cut after all.
        if 0 < last { last } else { end }
    })
}

fn is_pause(character: char) -> bool {
    matches!(character, ',' | ';' | ':' | ')' | '、' | '。' | '，' | '；' | '：' | '）' | '،' | '؛')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, bytes_max: usize, expected: &str) {
        assert_eq!(&text[..cut_before(text, bytes_max)], expected, "{text}");
    }

    #[test]
    fn what_is_too_long_is_cut_where_a_reader_would_pause() {
        check("one two", 7, "one two");
        check("one two", 6, "one ");
        check("one,two", 6, "one,");
        check("今天、天气", 12, "今天、");
        check("onetwo", 4, "onet");
    }

    #[test]
    fn no_character_is_cut_apart() {
        check("日本", 4, "日");
        check("日本", 1, "日");
        check("abe\u{301}", 4, "ab");
        check("\u{1F469}\u{200D}\u{1F680}x", 8, "\u{1F469}\u{200D}");
        check("ab\u{1F1E9}\u{1F1EA}", 7, "ab");
    }

    #[test]
    fn sentences_longer_than_the_window_are_cut() {
        let rules = SentenceRules::of("en".parse().unwrap());
        let text = "This is one sentence, and it is short. ".repeat(1_000);
        let mut pieces = Vec::new();
        rules.cut(&text, 1_000, |piece| pieces.push(text[piece].to_owned()));
        assert_eq!(pieces.len(), 1_000);
        assert!(
            pieces.iter().all(|piece| piece.trim() == "This is one sentence, and it is short.")
        );

        let mut lengths = Vec::new();
        rules.cut(&"word ".repeat(10_000), 1_000, |piece| lengths.push(piece.len()));
        assert!(lengths.iter().all(|length| *length <= 1_000), "{lengths:?}");
        assert!(lengths.len() < 70, "{lengths:?}");
    }
}
