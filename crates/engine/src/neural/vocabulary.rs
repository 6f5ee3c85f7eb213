//! Text to the numbers a model computes with, and back.
//!
//! SentencePiece vocabularies write what they do not know as bytes, one piece
//! `<0xNN>` for each. The library leaves these as they are; here they become
//! characters again. Whoever wrote `<0x40>` in a text gets it back: it is read
//! as ordinary characters, and only the numbers tell the two apart.

use std::ops::Range;

use fxtranslate::spm::SpmVocab;

/// What a sentence piece has in the place of a blank.
const BLANK: char = '\u{2581}';

/// The pieces of one language or two.
pub(super) struct Vocabulary {
    pieces: SpmVocab,
    /// For each piece the byte it stands for, if it does.
    bytes: Vec<Option<u8>>,
    /// A piece that is plain text, put before others when they are spelled out.
    anchor: Option<(u32, usize)>,
}

/// A text taken apart.
pub(super) struct Encoded {
    pub(super) tokens: Vec<Token>,
    /// The characters that are written as bytes, in order.
    pub(super) unknown: Vec<char>,
    /// What was taken apart: the text as SentencePiece sees it.
    normalized: String,
    /// Where in it each token is.
    ranges: Vec<Range<usize>>,
}

/// One piece of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) id: u32,
    /// How well the text may be cut before it.
    pub(super) border: Border,
}

/// Where in a text a token begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Border {
    /// At a further byte of the character before.
    Byte,
    /// Within a word.
    Character,
    /// At a word.
    Word,
    /// After a mark at which a reader pauses.
    Pause,
}

impl Vocabulary {
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        let pieces = SpmVocab::from_bytes(bytes);
        let ids = 0..u32::try_from(pieces.len()).unwrap_or(u32::MAX);
        let mut bytes: Vec<Option<u8>> = ids.clone().map(|id| byte_of(pieces.piece(id))).collect();
        // Only a vocabulary with all 256 falls back to bytes; in another one a
        // piece of that spelling would be text.
        let mut found: Vec<u8> = bytes.iter().flatten().copied().collect();
        found.sort_unstable();
        found.dedup();
        if found.len() != 256 {
            bytes.fill(None);
        }
        let anchor = ids
            .filter(|id| pieces.piece(*id).chars().all(char::is_alphanumeric))
            .find_map(|id| Some((id, pieces.decode(&[id]).len())).filter(|(_, len)| 0 < *len));
        Self { pieces, bytes, anchor }
    }

    /// How many pieces there are.
    pub(super) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// The number that ends every sentence.
    pub(super) fn end(&self) -> u32 {
        self.pieces.eos_id()
    }

    /// Takes `text` apart. No tokens if there is nothing in it that can be read.
    pub(super) fn encode(&self, text: &str) -> Encoded {
        let (normalized, encoded) = self.pieces.encode_with_offsets(text);
        let mut tokens = Vec::with_capacity(encoded.len());
        let mut unknown = Vec::new();
        let ranges = encoded.iter().map(|(_, range)| range.clone()).collect();
        let mut previous: Option<(u32, Range<usize>)> = None;
        for (id, range) in encoded {
            // All bytes of a character carry its whole range.
            let is_further = previous.as_ref().is_some_and(|(_, before)| *before == range);
            let border = match &previous {
                _ if is_further => Border::Byte,
                Some((before, _)) => self.border(*before, id),
                None => Border::Word,
            };
            if self.byte(id).is_some() && !is_further {
                unknown.extend(normalized[range.clone()].chars());
            }
            tokens.push(Token { id, border });
            previous = Some((id, range));
        }
        Encoded { tokens, unknown, normalized, ranges }
    }

    /// Which of `units` each token of `encoded` is made of. They are what the
    /// text that was encoded consists of, but for blanks, in order. None if it
    /// cannot be said: what a character becomes may depend on its neighbors.
    pub(super) fn origins(&self, units: &[&str], encoded: &Encoded) -> Option<Vec<Range<usize>>> {
        let mut read = String::with_capacity(encoded.normalized.len());
        let mut ends = Vec::with_capacity(units.len());
        for unit in units {
            read.push_str(&self.pieces.normalize(unit).replace(BLANK, ""));
            ends.push(read.len());
        }
        let without_blanks = encoded.normalized.split(BLANK);
        if !without_blanks.flat_map(str::bytes).eq(read.bytes()) {
            return None;
        }
        let without_blanks =
            |at: usize| at - BLANK.len_utf8() * encoded.normalized[..at].matches(BLANK).count();
        let units_of = |range: &Range<usize>| {
            let (start, end) = (without_blanks(range.start), without_blanks(range.end));
            let first = ends.partition_point(|unit_end| *unit_end <= start);
            let last = ends.partition_point(|unit_end| *unit_end < end);
            // A blank alone belongs to what it comes before.
            first..ends.len().min(first.max(last) + 1)
        };
        Some(encoded.ranges.iter().map(units_of).collect())
    }

    fn border(&self, before: u32, id: u32) -> Border {
        let before = self.pieces.piece(before);
        let begins_word = self.pieces.piece(id).starts_with(BLANK);
        // `1,000` is not a place to pause; marks of scripts without blanks are.
        if before.ends_with(is_wide_pause) || (begins_word && before.ends_with(is_pause)) {
            return Border::Pause;
        }
        if begins_word { Border::Word } else { Border::Character }
    }

    /// The text of what a model put out, and where in it each number is. The
    /// bytes of characters that are written so share one place.
    pub(super) fn decode(&self, ids: &[u32]) -> (String, Vec<Range<usize>>) {
        let mut text = String::new();
        let mut ranges = Vec::with_capacity(ids.len());
        for run in ids.chunk_by(|a, b| self.byte(*a).is_some() && self.byte(*b).is_some()) {
            let start = text.len();
            let bytes: Vec<u8> = run.iter().filter_map(|id| self.byte(*id)).collect();
            if bytes.is_empty() {
                self.spell(run, &mut text);
            } else {
                text.push_str(&String::from_utf8_lossy(&bytes));
            }
            ranges.extend(run.iter().map(|_| start..text.len()));
        }
        let cut = text.len() - text.trim_start().len();
        let text = text.trim().to_owned();
        let within = |at: usize| at.saturating_sub(cut).min(text.len());
        for range in &mut ranges {
            *range = within(range.start)..within(range.end);
        }
        (text, ranges)
    }

    // The library spells pieces out, but drops the blank they may begin with.
    fn spell(&self, ids: &[u32], text: &mut String) {
        if let Some((anchor, len)) = self.anchor {
            let anchored: Vec<u32> = [&[anchor], ids].concat();
            text.push_str(&self.pieces.decode(&anchored)[len..]);
            return;
        }
        let begins_word = |id: &u32| self.pieces.piece(*id).starts_with(BLANK);
        if ids.first().is_some_and(begins_word) {
            text.push(' ');
        }
        text.push_str(&self.pieces.decode(ids));
    }

    fn byte(&self, id: u32) -> Option<u8> {
        self.bytes.get(usize::try_from(id).ok()?).copied().flatten()
    }
}

fn byte_of(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    if digits.len() != 2 {
        return None;
    }
    u8::from_str_radix(digits, 16).ok()
}

fn is_pause(character: char) -> bool {
    ",.;:!?…)]}»”।؟،؛".contains(character)
}

fn is_wide_pause(character: char) -> bool {
    "、。，；：！？）」』".contains(character)
}

#[cfg(test)]
mod tests {
    use super::super::bundled::BUNDLED;
    use super::*;

    fn vocabulary() -> Vocabulary {
        let (_, bytes) = BUNDLED[0].files[1];
        Vocabulary::from_bytes(bytes)
    }

    fn ids(tokens: &[Token]) -> Vec<u32> {
        tokens.iter().map(|token| token.id).collect()
    }

    #[test]
    fn what_is_written_as_bytes_is_told() {
        let unknown = |text| vocabulary().encode(text).unknown;
        assert_eq!(unknown("a@b, 漢 and 😀😀"), ['@', '漢', '😀', '😀']);
        assert_eq!(unknown("Good morning, señor"), []);
    }

    fn check(text: &str, expected: &str) {
        let vocabulary = vocabulary();
        let tokens = vocabulary.encode(text).tokens;
        assert_eq!(vocabulary.decode(&ids(&tokens)).0, expected, "{tokens:?}");
    }

    #[test]
    fn text_comes_back() {
        check("Good morning, everyone!", "Good morning, everyone!");
        check("¿Dónde está?", "¿Dónde está?");
        check("  a  b ", "a b");
        check("", "");
        check("\u{1}\u{2}", "");
    }

    #[test]
    fn bytes_become_characters_again() {
        check("Write to info@example.com 😀 now", "Write to info@example.com 😀 now");
        check("漢字 ok", "漢字 ok");
    }

    #[test]
    fn what_a_user_wrote_is_not_taken_for_a_byte() {
        check("the mark <0x40> and <0xF0><0x9F>", "the mark <0x40> and <0xF0><0x9F>");
    }

    #[test]
    fn bytes_that_are_no_character_are_marked() {
        let vocabulary = vocabulary();
        let mut tokens = vocabulary.encode("ok 😀 ok").tokens;
        let cut = tokens.iter().position(|token| token.border == Border::Byte).expect("has bytes");
        tokens.remove(cut);
        let (text, _) = vocabulary.decode(&ids(&tokens));
        assert!(text.starts_with("ok ") && text.ends_with(" ok"), "{text}");
        assert!(text.contains('\u{FFFD}'), "{text}");
    }

    fn check_origins(text: &str, units: &[&str], expected: Option<&[Range<usize>]>) {
        let vocabulary = vocabulary();
        let encoded = vocabulary.encode(text);
        let found = vocabulary.origins(units, &encoded);
        assert_eq!(found.is_some(), expected.is_some(), "{text}");
        let Some((found, expected)) = found.zip(expected) else { return };
        assert_eq!(found.len(), encoded.tokens.len());
        // Which pieces a word is made of is the vocabulary's choice.
        let mut found = found;
        found.dedup();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn tokens_are_found_again_in_what_was_read() {
        check_origins(
            "Good morning,  all",
            &["Good", "morning,", "all"],
            Some(&[0..1, 1..2, 2..3]),
        );
        // One letter becomes three, and one becomes four bytes.
        check_origins("a … 漢 b", &["a", "…", "漢", "b"], Some(&[0..1, 1..2, 2..3, 3..4]));
        check_origins("Good morning", &["Good"], None);
        check_origins("", &[], Some(&[]));
    }

    #[test]
    fn numbers_are_found_in_what_they_became() {
        let vocabulary = vocabulary();
        let tokens = vocabulary.encode("Good morning 😀 now").tokens;
        let (text, ranges) = vocabulary.decode(&ids(&tokens));
        assert_eq!(ranges.len(), tokens.len());
        let bytes = tokens.iter().position(|token| token.border == Border::Byte).expect("bytes");
        assert_eq!(&text[ranges[bytes].clone()], "😀");
        assert!(ranges.windows(2).all(|pair| pair[0].end <= pair[1].start || pair[0] == pair[1]));
        assert_eq!(ranges.last().map(|range| range.end), Some(text.len()));
    }
}
