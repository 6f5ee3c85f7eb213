//! One segment on its way through a model: what the model gets to see of it,
//! and how the translation is put together.
//!
//! A model does not see the white space around a segment, nor symbols that its
//! vocabulary lacks, such as emoji: these stay where they are. Words that it
//! lacks are shown to it, since it mostly copies them; where it did not, the
//! segment is tried again without them.

use std::collections::HashSet;

use domain::language::{LanguageCode, LanguagePair};

use super::capitals;
use super::vocabulary::{Token, Vocabulary};
use super::wrap::wrap;

/// What the models reads at once, each with the end mark.
#[derive(Default)]
pub(super) struct Rows(Vec<Vec<u32>>);

/// What is kept from the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// Symbols that are not in the vocabulary.
    Symbols,
    /// Also whole words with any character that is not.
    UnknownWords,
}

/// A segment of which the rows are being translated.
pub(super) struct Draft<'a> {
    segment: &'a str,
    pair: LanguagePair,
    is_shouted: bool,
    parts: Vec<Part<'a>>,
    /// What the translation must have as often as the segment.
    unknown: Vec<char>,
}

enum Part<'a> {
    Kept(&'a str),
    Row { number: usize, follows_blank: bool },
}

impl Rows {
    pub(super) fn push(&mut self, vocabulary: &Vocabulary, tokens: &[Token]) -> usize {
        let ids = tokens.iter().map(|token| token.id);
        self.0.push(ids.chain([vocabulary.end()]).collect());
        self.0.len() - 1
    }
}

impl IntoIterator for Rows {
    type Item = Vec<u32>;
    type IntoIter = std::vec::IntoIter<Vec<u32>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> Draft<'a> {
    /// Takes `segment` apart, and adds what the model is to translate to `rows`.
    pub(super) fn of(
        segment: &'a str,
        pair: LanguagePair,
        vocabulary: &Vocabulary,
        keep: Keep,
        rows: &mut Rows,
    ) -> Self {
        let is_shouted = capitals::are_shouted(segment);
        let mut draft = Self { segment, pair, is_shouted, parts: Vec::new(), unknown: Vec::new() };
        let kept = kept_characters(segment, vocabulary, keep);
        for (piece, is_kept) in pieces(segment, &kept, writes_blanks(pair.source)) {
            let text = piece.trim();
            if is_kept || !text.contains(char::is_alphanumeric) {
                draft.parts.push(Part::Kept(piece));
                continue;
            }
            let before = piece.len() - piece.trim_start().len();
            draft.parts.push(Part::Kept(&piece[..before]));
            draft.read(text, vocabulary, rows);
            draft.parts.push(Part::Kept(&piece[before + text.len()..]));
        }
        draft
    }

    fn read(&mut self, text: &str, vocabulary: &Vocabulary, rows: &mut Rows) {
        let encoded = if self.is_shouted {
            vocabulary.encode(&capitals::lowered(text, self.pair.source))
        } else {
            vocabulary.encode(text)
        };
        for (nth, part) in wrap(&encoded.tokens).into_iter().enumerate() {
            let number = rows.push(vocabulary, &encoded.tokens[part.tokens]);
            self.parts.push(Part::Row { number, follows_blank: 0 < nth && !part.within_word });
        }
        self.unknown.extend(encoded.unknown);
    }

    /// The translation of the segment; none if it is no good.
    pub(super) fn join(&self, translated: &[String]) -> Option<String> {
        let mut joined = String::with_capacity(2 * self.segment.len());
        for part in &self.parts {
            match part {
                Part::Kept(text) => joined.push_str(text),
                Part::Row { number, follows_blank } => {
                    let text = &translated[*number];
                    if *follows_blank && !text.is_empty() && writes_blanks(self.pair.target) {
                        joined.push(' ');
                    }
                    joined.push_str(&self.cased(text));
                }
            }
        }
        self.is_good(&joined).then_some(joined)
    }

    fn cased(&self, text: &str) -> String {
        if self.is_shouted {
            return capitals::raised(text, self.pair.target);
        }
        text.to_owned()
    }

    // A translation must not lack what only copying could bring, nor have
    // bytes in it that are no character, nor be nothing.
    fn is_good(&self, translation: &str) -> bool {
        let count = |text: &str, character: char| text.matches(character).count();
        let is_copied = |character: &char| {
            let wanted = self.unknown.iter().filter(|unknown| *unknown == character).count();
            wanted == count(translation, *character) || self.is_shouted
        };
        let broken = char::REPLACEMENT_CHARACTER;
        let is_blank = |text: &str| text.trim().is_empty();
        self.unknown.iter().all(is_copied)
            && count(translation, broken) <= count(self.segment, broken)
            && (is_blank(self.segment) || !is_blank(translation))
    }
}

fn kept_characters(segment: &str, vocabulary: &Vocabulary, keep: Keep) -> HashSet<char> {
    let may_be_kept = |character: &char| match keep {
        Keep::Symbols => is_symbol(*character),
        Keep::UnknownWords => !character.is_whitespace(),
    };
    let candidates: HashSet<char> = segment.chars().filter(may_be_kept).collect();
    let is_unknown = |character: &char| {
        !vocabulary.encode(character.encode_utf8(&mut [0; 4])).unknown.is_empty()
    };
    candidates.into_iter().filter(is_unknown).collect()
}

fn is_symbol(character: char) -> bool {
    !character.is_ascii() && !character.is_alphanumeric() && !character.is_whitespace()
}

/// Cuts `segment` into pieces that are kept and pieces that are not, in turn.
fn pieces<'a>(segment: &'a str, kept: &HashSet<char>, has_words: bool) -> Vec<(&'a str, bool)> {
    if kept.is_empty() {
        return vec![(segment, false)];
    }
    // A symbol is kept alone, and a letter with the word that it is part of.
    let in_kept_word = |word: &str| {
        has_words && word.contains(|character| kept.contains(&character) && !is_symbol(character))
    };
    let mut end = 0;
    let mut marks = Vec::with_capacity(segment.len());
    for word in segment.split_inclusive(char::is_whitespace) {
        let whole = in_kept_word(word);
        let mut after_kept = false;
        for character in word.chars() {
            let joins = after_kept && is_joiner(character);
            after_kept = whole || joins || kept.contains(&character);
            end += character.len_utf8();
            marks.push((end, after_kept));
        }
    }
    let mut start = 0;
    marks
        .chunk_by(|(_, a), (_, b)| a == b)
        .filter_map(|run| {
            let (end, is_kept) = *run.last()?;
            let piece = &segment[start..end];
            start = end;
            Some((piece, is_kept))
        })
        .collect()
}

// What makes one emoji of several, or chooses how it looks.
fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200D}' | '\u{20E3}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0020}'..='\u{E007F}')
}

fn writes_blanks(language: LanguageCode) -> bool {
    !matches!(language.as_str(), "zh" | "zh-TW" | "ja" | "th")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(segment: &str, kept: &str, expected: &[(&str, bool)]) {
        assert_eq!(pieces(segment, &kept.chars().collect(), true), expected);
    }

    #[test]
    fn symbols_are_kept_alone_and_letters_with_their_words() {
        check("I am here", "", &[("I am here", false)]);
        check("I am😀!", "😀", &[("I am", false), ("😀", true), ("!", false)]);
        check("👩\u{200D}🚀 up", "👩🚀", &[("👩\u{200D}🚀", true), (" up", false)]);
        check("ask a@b.org now", "@", &[("ask ", false), ("a@b.org ", true), ("now", false)]);
        let chinese = pieces("我㗊你", &HashSet::from(['㗊']), false);
        assert_eq!(chinese, [("我", false), ("㗊", true), ("你", false)]);
    }

    proptest! {
        #[test]
        fn the_pieces_make_the_segment(segment in "[a😀@ 漢\u{200D}]{0,40}", has_words: bool) {
            let kept = HashSet::from(['😀', '@', '漢']);
            let joined: String =
                pieces(&segment, &kept, has_words).iter().map(|(piece, _)| *piece).collect();
            prop_assert_eq!(joined, segment);
        }
    }
}
