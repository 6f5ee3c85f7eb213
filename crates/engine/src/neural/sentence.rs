//! One segment on its way through a model: what the model gets to see of it,
//! and how the translation is put together.
//!
//! A model does not see the white space around a segment, nor symbols that its
//! vocabulary lacks, such as emoji: these stay where they are. Words that it
//! lacks are shown to it, since it mostly copies them; where it did not, the
//! segment is tried again without them.

use std::collections::HashSet;
use std::ops::Range;

use domain::language::{LanguageCode, LanguagePair};

use super::capitals;
use super::links::{self, hull, units};
use super::vocabulary::{Encoded, Token, Vocabulary};
use super::wrap::wrap;
use crate::{Link, Links, Segment, Translation};

/// What the models reads at once.
#[derive(Default)]
pub(super) struct Rows(Vec<Row>);

/// One piece that is read at once.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The numbers, with the end mark.
    pub(super) ids: Vec<u32>,
    /// Whether somebody wants to know which words belong together.
    pub(super) is_linked: bool,
}

/// What became of a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Translated {
    pub(super) text: String,
    /// Where in the text each number that was put out is.
    pub(super) ranges: Vec<Range<usize>>,
    /// For each of them how much it owes to each token of the row, the end mark
    /// included; empty if nobody asked.
    pub(super) shares: Vec<f32>,
}

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
    is_linked: bool,
    pair: LanguagePair,
    is_shouted: bool,
    parts: Vec<Part<'a>>,
    /// What the translation must have as often as the segment.
    unknown: Vec<char>,
}

enum Part<'a> {
    Kept { start: usize, text: &'a str },
    Row { number: usize, follows_blank: bool, origins: Vec<Range<usize>> },
}

impl Rows {
    pub(super) fn push(
        &mut self,
        vocabulary: &Vocabulary,
        tokens: &[Token],
        is_linked: bool,
    ) -> usize {
        let ids = tokens.iter().map(|token| token.id);
        self.0.push(Row { ids: ids.chain([vocabulary.end()]).collect(), is_linked });
        self.0.len() - 1
    }
}

impl IntoIterator for Rows {
    type Item = Row;
    type IntoIter = std::vec::IntoIter<Row>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// A segment that stays as it is.
pub(super) fn unchanged(segment: Segment<'_>) -> Translation {
    if segment.marks.is_empty() {
        return segment.text.to_owned().into();
    }
    let words = links::words(segment.text).into_iter();
    let links = words.map(|word| Link { source: word.clone(), target: word }).collect();
    Translation { text: segment.text.to_owned(), links: Links::Words(links) }
}

impl<'a> Draft<'a> {
    /// Takes the segment apart, and adds what the model is to translate to `rows`.
    pub(super) fn of(
        segment: Segment<'a>,
        pair: LanguagePair,
        vocabulary: &Vocabulary,
        keep: Keep,
        rows: &mut Rows,
    ) -> Self {
        let Segment { text: segment, marks } = segment;
        let mut draft = Self {
            segment,
            is_linked: !marks.is_empty(),
            pair,
            is_shouted: capitals::are_shouted(segment),
            parts: Vec::new(),
            unknown: Vec::new(),
        };
        let kept = kept_characters(segment, vocabulary, keep);
        let mut start = 0;
        for (piece, is_kept) in pieces(segment, &kept, writes_blanks(pair.source)) {
            let text = piece.trim();
            if is_kept || !text.contains(char::is_alphanumeric) {
                draft.parts.push(Part::Kept { start, text: piece });
                start += piece.len();
                continue;
            }
            let before = piece.len() - piece.trim_start().len();
            let read = start + before..start + before + text.len();
            draft.parts.push(Part::Kept { start, text: &piece[..before] });
            draft.read(read.clone(), vocabulary, rows);
            draft.parts.push(Part::Kept {
                start: read.end,
                text: &segment[read.end..start + piece.len()],
            });
            start += piece.len();
        }
        draft
    }

    fn read(&mut self, range: Range<usize>, vocabulary: &Vocabulary, rows: &mut Rows) {
        let text = &self.segment[range.clone()];
        let lowered = self.is_shouted.then(|| capitals::lowered(text, self.pair.source));
        let read = lowered.as_deref().unwrap_or(text);
        let encoded = vocabulary.encode(read);
        let origins = if self.is_linked {
            self.origins(range, read, vocabulary, &encoded)
        } else {
            Vec::new()
        };
        for (nth, part) in wrap(&encoded.tokens).into_iter().enumerate() {
            let tokens = &encoded.tokens[part.tokens.clone()];
            let number = rows.push(vocabulary, tokens, self.is_linked);
            let origins = origins.get(part.tokens).unwrap_or_default().to_vec();
            let follows_blank = 0 < nth && !part.within_word;
            self.parts.push(Part::Row { number, follows_blank, origins });
        }
        self.unknown.extend(encoded.unknown);
    }

    // Where in the segment each token is from: the whole of what was read if
    // nothing better is known. Small letters may take other bytes than capitals
    // do, but they make as many words.
    fn origins(
        &self,
        range: Range<usize>,
        read: &str,
        vocabulary: &Vocabulary,
        encoded: &Encoded,
    ) -> Vec<Range<usize>> {
        let has_words = writes_blanks(self.pair.source);
        let read_units: Vec<&str> =
            units(read, has_words).into_iter().map(|unit| &read[unit]).collect();
        let units = units(&self.segment[range.clone()], has_words);
        let found = vocabulary
            .origins(&read_units, encoded)
            .filter(|_| units.len() == read_units.len())
            .unwrap_or_else(|| vec![0..units.len(); encoded.tokens.len()]);
        let place = |unit: &Range<usize>| range.start + unit.start..range.start + unit.end;
        let origin = |unit_numbers: Range<usize>| {
            let units = units.get(unit_numbers).unwrap_or_default();
            hull(units.iter().map(place)).unwrap_or(0..0)
        };
        found.into_iter().map(origin).collect()
    }

    /// The translation of the segment; none if it is no good.
    pub(super) fn join(&self, translated: &[Translated]) -> Option<Translation> {
        let mut joined = String::with_capacity(2 * self.segment.len());
        let mut links = Vec::new();
        for part in &self.parts {
            match part {
                Part::Kept { start, text } => {
                    if self.is_linked {
                        links.extend(links_of_kept(text, *start, joined.len()));
                    }
                    joined.push_str(text);
                }
                Part::Row { number, follows_blank, origins } => {
                    let row = &translated[*number];
                    if *follows_blank && !row.text.is_empty() && writes_blanks(self.pair.target) {
                        joined.push(' ');
                    }
                    let cased = self.cased(&row.text);
                    if self.is_linked {
                        self.link_row(row, &cased, origins, joined.len(), &mut links);
                    }
                    joined.push_str(&cased);
                }
            }
        }
        let is_good = self.is_good(&joined);
        let links = if self.is_linked { Links::Words(links) } else { Links::None };
        is_good.then_some(Translation { text: joined, links })
    }

    // `cased` is the text of `row`, and begins at `start`.
    fn link_row(
        &self,
        row: &Translated,
        cased: &str,
        origins: &[Range<usize>],
        start: usize,
        links: &mut Vec<Link>,
    ) {
        let has_words = writes_blanks(self.pair.target);
        // Capitals take other bytes than small letters do, but make as many words.
        let (mut uncased, mut targets) = (units(&row.text, has_words), units(cased, has_words));
        if uncased.len() != targets.len() {
            uncased = std::iter::once(0..row.text.len()).collect();
            targets = std::iter::once(0..cased.len()).collect();
        }
        let width = origins.len() + 1;
        for (word, target) in uncased.into_iter().zip(targets) {
            let tokens = row.ranges.iter().zip(row.shares.chunks_exact(width));
            let of_word = tokens
                .filter(|(range, _)| range.start < word.end && word.start < range.end)
                .map(|(_, shares)| shares);
            if let Some(source) = links::largest_origin(origins, of_word) {
                let target = start + target.start..start + target.end;
                links::push(links, Link { source, target });
            }
        }
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

// What is kept stands for itself.
fn links_of_kept(text: &str, read: usize, written: usize) -> impl Iterator<Item = Link> {
    let at = |word: &Range<usize>, start: usize| start + word.start..start + word.end;
    links::words(text)
        .into_iter()
        .map(move |word| Link { source: at(&word, read), target: at(&word, written) })
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
