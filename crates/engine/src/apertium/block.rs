//! Segments as a block of Apertium's stream format, and back.
//!
//! In the stream some characters are escaped, and what stands in brackets is
//! passed on untranslated in its place, a *blank*. All that must come back as
//! it went is a blank with a number: the borders of segments, the places asked
//! for, white space other than a single space, and words too long to be looked
//! up. A border bears the number of its block too, so that an answer to
//! another question is never taken for one to this.
//!
//! Knows nothing of processes. Start reading at [`Block::of`] and [`read`].

use domain::language::{LanguageCode, LanguagePair};

/// A longer word is carried as it is: the time to look one up grows with the
/// square of its length.
const WORD_CHARACTERS_MAX: usize = 200;

/// What Apertium would read as its own.
const ESCAPED: &[char] = &['^', '$', '[', ']', '\\', '/', '@', '<', '>', '{', '}'];

/// Asks the last stages to contract words, and cannot be escaped.
const POSTGENERATION: char = '~';

/// What ends a sentence for the stages that look at its end.
const SENTENCE_ENDS: &[char] = &['.', '!', '?', '…', '।', '۔', '؟'];

/// What may stand behind the end of a sentence.
const CLOSING: &[char] = &['"', '\'', ')', ']', '»', '”', '’'];

/// A segment in the stream format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Encoded {
    stream: String,
    /// What stands for each blank of kind [`Blank::Kept`].
    kept: Vec<String>,
}

/// A part of a translated segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Translated, without blanks, but spaces as they came.
    Text(String),
    /// The place with this number.
    Mark(usize),
    /// What was carried as it is; its text.
    Kept(String),
}

/// Why an answer cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// The borders are not those that were sent, in their order.
    #[error("the borders between sentences were lost")]
    Borders,
    /// The stream ends within a blank, or is no text.
    #[error("the answer is damaged")]
    Damaged,
}

/// What a blank says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blank {
    /// Of which block, and before which of its segments.
    Border(u64, usize),
    Mark(usize),
    Kept(usize),
    /// What follows is only there to end the sentence.
    End,
}

/// The texts of one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    serial: u64,
    segments: usize,
}

impl Encoded {
    /// Puts `text`, which neither begins nor ends with white space, into the
    /// stream format, with `marks` at their places: byte offsets, ascending,
    /// at borders of characters.
    pub(super) fn of(text: &str, marks: &[usize], pair: LanguagePair) -> Self {
        let mut encoded = Self { stream: String::with_capacity(text.len() + 16), kept: Vec::new() };
        let mut marks = marks.iter().copied().enumerate().peekable();
        for (at, piece) in runs(text) {
            // A place within a word is moved behind it: two halves of a word
            // are no words.
            while let Some((number, _)) = marks.next_if(|(_, mark)| *mark <= at) {
                encoded.blank(Blank::Mark(number));
            }
            encoded.run(piece, pair);
        }
        for (number, _) in marks {
            encoded.blank(Blank::Mark(number));
        }
        if !text.trim_end_matches(CLOSING).ends_with(SENTENCE_ENDS) {
            encoded.blank(Blank::End);
            encoded.stream.push('.');
        }
        encoded
    }

    /// The words that are carried as they are.
    pub(super) fn carried(&self) -> Vec<&str> {
        let words = self.kept.iter().filter(|text| !text.starts_with(char::is_whitespace));
        words.map(String::as_str).collect()
    }

    fn run(&mut self, run: &str, pair: LanguagePair) {
        let is_white = run.starts_with(char::is_whitespace);
        let is_carried = if is_white {
            run != " "
        } else {
            run.starts_with(POSTGENERATION) || run.chars().nth(WORD_CHARACTERS_MAX).is_some()
        };
        if is_carried {
            self.blank(Blank::Kept(self.kept.len()));
            self.kept.push(run.to_owned());
            return;
        }
        for character in run.chars() {
            if ESCAPED.contains(&character) {
                self.stream.push('\\');
            }
            match latin_of(character, pair.source) {
                Some(latin) => self.stream.push_str(latin),
                // It ends a block.
                None if character == '\0' => (),
                None => self.stream.push(character),
            }
        }
    }

    fn blank(&mut self, blank: Blank) {
        self.stream.push_str(&blank.written());
    }
}

/// Cuts a text into runs of white space, of letters and digits, and of other
/// characters, one each; `~` is always alone. With the offset of each.
fn runs(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &text[at..];
        let first = rest.chars().next()?;
        let end = |belongs: fn(char) -> bool| {
            rest.find(|character| !belongs(character)).unwrap_or(rest.len())
        };
        let len = if first.is_whitespace() {
            end(char::is_whitespace)
        } else if is_of_word(first) {
            end(is_of_word)
        } else {
            first.len_utf8()
        };
        let run = (at, &rest[..len]);
        at += len;
        Some(run)
    })
}

/// Whether a character is one of a word for the purpose of its length. What
/// combines, and the letters of most scripts that have no cases, count too.
fn is_of_word(character: char) -> bool {
    character.is_alphanumeric()
        || (!character.is_ascii() && !character.is_whitespace() && !is_punctuation(character))
}

fn is_punctuation(character: char) -> bool {
    let is_general = matches!(character, '\u{A1}'..='\u{BF}' | '\u{2010}'..='\u{205E}');
    is_general || matches!(character, '\u{3001}'..='\u{3003}' | '।' | '۔' | '؟' | '،')
}

impl Block {
    /// Puts segments together, with the number of the exchange.
    pub(super) fn of<'a>(serial: u64, segments: impl IntoIterator<Item = &'a Encoded>) -> Self {
        let mut stream = String::new();
        let mut count = 0;
        for segment in segments {
            stream.push_str(&Blank::Border(serial, count).written());
            stream.push_str(&segment.stream);
            count += 1;
        }
        stream.push_str(&Blank::Border(serial, count).written());
        // Some stages lose a sentence's end if nothing follows it.
        stream.push_str(".[][\n]\0");
        Self { bytes: stream.into_bytes(), serial, segments: count }
    }
}

/// Reads the answer to `block`, without its final NUL, whose segments were `encoded`.
///
/// # Errors
///
/// If it cannot be the answer to this block.
pub(super) fn read(
    answer: &[u8],
    block: &Block,
    encoded: &[&Encoded],
) -> Result<Vec<Vec<Piece>>, Unreadable> {
    let answer = str::from_utf8(answer).map_err(|_| Unreadable::Damaged)?;
    let mut segments: Vec<Vec<Piece>> = Vec::with_capacity(block.segments);
    // Nothing but space comes before the first border.
    let mut borders = 0;
    let mut is_past_end = false;
    let mut tokens = Tokens { rest: answer };
    while let Some(token) = tokens.next()? {
        match token {
            Token::Blank(Some(Blank::Border(serial, number))) => {
                if serial != block.serial || number != borders {
                    return Err(Unreadable::Borders);
                }
                borders += 1;
                is_past_end = false;
                if borders <= block.segments {
                    segments.push(Vec::new());
                }
            }
            // What follows the last border was only there to end the block.
            _ if block.segments < borders => (),
            Token::Blank(Some(Blank::End)) => is_past_end = true,
            Token::Blank(Some(Blank::Mark(number))) => {
                segments.last_mut().ok_or(Unreadable::Borders)?.push(Piece::Mark(number));
            }
            Token::Blank(Some(Blank::Kept(number))) => {
                let pieces = segments.last_mut().ok_or(Unreadable::Borders)?;
                let kept = encoded[borders - 1].kept.get(number).ok_or(Unreadable::Damaged)?;
                pieces.push(Piece::Kept(kept.clone()));
            }
            Token::Blank(None) => (),
            Token::Character(character) => {
                let is_added = is_past_end && !character.is_alphanumeric();
                match segments.last_mut() {
                    Some(_) if is_added => (),
                    Some(pieces) => push(pieces, character),
                    None if character.is_whitespace() => (),
                    None => return Err(Unreadable::Borders),
                }
            }
        }
    }
    if borders == block.segments + 1 { Ok(segments) } else { Err(Unreadable::Borders) }
}

fn push(pieces: &mut Vec<Piece>, character: char) {
    if let Some(Piece::Text(text)) = pieces.last_mut() {
        text.push(character);
    } else {
        pieces.push(Piece::Text(character.to_string()));
    }
}

enum Token {
    Character(char),
    /// A blank, or one that is not ours.
    Blank(Option<Blank>),
}

struct Tokens<'a> {
    rest: &'a str,
}

impl Tokens<'_> {
    fn next(&mut self) -> Result<Option<Token>, Unreadable> {
        let mut characters = self.rest.chars();
        let Some(first) = characters.next() else {
            return Ok(None);
        };
        let token = match first {
            '[' => {
                // Ours hold nothing that would be escaped.
                let len = self.rest.find(']').ok_or(Unreadable::Damaged)?;
                let blank = Blank::of(&self.rest[1..len]);
                self.rest = &self.rest[len + 1..];
                return Ok(Some(Token::Blank(blank)));
            }
            '\\' => Token::Character(characters.next().ok_or(Unreadable::Damaged)?),
            character => Token::Character(character),
        };
        self.rest = characters.as_str();
        Ok(Some(token))
    }
}

impl Blank {
    fn written(self) -> String {
        match self {
            Self::Border(serial, number) => format!("[@@{serial}.{number}]"),
            Self::Mark(number) => format!("[@m{number}]"),
            Self::Kept(number) => format!("[@k{number}]"),
            Self::End => "[@e]".to_owned(),
        }
    }

    fn of(content: &str) -> Option<Self> {
        if let Some(border) = content.strip_prefix("@@") {
            let (serial, number) = border.split_once('.')?;
            return Some(Self::Border(serial.parse().ok()?, number.parse().ok()?));
        }
        if let Some(number) = content.strip_prefix("@m") {
            return number.parse().ok().map(Self::Mark);
        }
        if let Some(number) = content.strip_prefix("@k") {
            return number.parse().ok().map(Self::Kept);
        }
        (content == "@e").then_some(Self::End)
    }
}

/// The Latin writing of a Cyrillic letter of Serbian, which is the only one
/// that Apertium reads.
fn latin_of(character: char, source: LanguageCode) -> Option<&'static str> {
    const LETTERS: &[(char, &str)] = &[
        ('а', "a"),
        ('б', "b"),
        ('в', "v"),
        ('г', "g"),
        ('д', "d"),
        ('ђ', "đ"),
        ('е', "e"),
        ('ж', "ž"),
        ('з', "z"),
        ('и', "i"),
        ('ј', "j"),
        ('к', "k"),
        ('л', "l"),
        ('љ', "lj"),
        ('м', "m"),
        ('н', "n"),
        ('њ', "nj"),
        ('о', "o"),
        ('п', "p"),
        ('р', "r"),
        ('с', "s"),
        ('т', "t"),
        ('ћ', "ć"),
        ('у', "u"),
        ('ф', "f"),
        ('х', "h"),
        ('ц', "c"),
        ('ч', "č"),
        ('џ', "dž"),
        ('ш', "š"),
        ('А', "A"),
        ('Б', "B"),
        ('В', "V"),
        ('Г', "G"),
        ('Д', "D"),
        ('Ђ', "Đ"),
        ('Е', "E"),
        ('Ж', "Ž"),
        ('З', "Z"),
        ('И', "I"),
        ('Ј', "J"),
        ('К', "K"),
        ('Л', "L"),
        ('Љ', "Lj"),
        ('М', "M"),
        ('Н', "N"),
        ('Њ', "Nj"),
        ('О', "O"),
        ('П', "P"),
        ('Р', "R"),
        ('С', "S"),
        ('Т', "T"),
        ('Ћ', "Ć"),
        ('У', "U"),
        ('Ф', "F"),
        ('Х', "H"),
        ('Ц', "C"),
        ('Ч', "Č"),
        ('Џ', "Dž"),
        ('Ш', "Š"),
    ];
    if source.as_str() != "sr" || character.is_ascii() {
        return None;
    }
    LETTERS.iter().find(|(cyrillic, _)| *cyrillic == character).map(|(_, latin)| *latin)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pair(source: &str, target: &str) -> LanguagePair {
        LanguagePair { source: source.parse().unwrap(), target: target.parse().unwrap() }
    }

    fn encode(text: &str, marks: &[usize]) -> Encoded {
        Encoded::of(text, marks, pair("en", "es"))
    }

    fn check(text: &str, marks: &[usize], expected: &str) {
        assert_eq!(encode(text, marks).stream, expected);
    }

    fn check_read(answer: &str, expected: &Result<Vec<Vec<Piece>>, Unreadable>) {
        let encoded = [&encode("a\tb", &[]), &encode("c.", &[])];
        let block = Block::of(7, encoded);
        assert_eq!(&read(answer.as_bytes(), &block, &encoded), expected, "{answer}");
    }

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    #[test]
    fn what_apertium_would_read_as_its_own_is_escaped() {
        check("a^$[]\\/@<>{}.", &[], r"a\^\$\[\]\\\/\@\<\>\{\}.");
        check("Don't.", &[], "Don't.");
        check("~a~.", &[], "[@k0]a[@k1].");
        check("a\0b.", &[], "ab.");
    }

    #[test]
    fn a_sentence_has_an_end() {
        check("Red house", &[], "Red house[@e].");
        check("Red house.", &[], "Red house.");
        check("He said \"yes!\")", &[], "He said \"yes!\")");
        check("He said \"yes\"", &[], "He said \"yes\"[@e].");
    }

    #[test]
    fn places_stand_between_words() {
        check("The red house.", &[4, 7], "The [@m0]red[@m1] house.");
        check("The red house.", &[5, 5, 14], "The red[@m0][@m1] house.[@m2]");
        check("a  b.", &[1, 2], "a[@m0][@k0][@m1]b.");
    }

    #[test]
    fn other_white_space_and_overlong_words_are_carried() {
        check("a\tb  c d\u{A0}e.", &[], "a[@k0]b[@k1]c d[@k2]e.");
        let word = "x".repeat(201);
        let encoded = encode(&format!("a {word} b."), &[]);
        assert_eq!((encoded.stream.as_str(), encoded.kept), ("a [@k0] b.", vec![word]));
        check(&"x".repeat(200), &[], &format!("{}[@e].", "x".repeat(200)));
    }

    #[test]
    fn serbian_is_read_in_latin_letters() {
        let encoded = Encoded::of("Љубав и ђак.", &[10], pair("sr", "en"));
        assert_eq!(encoded.stream, "Ljubav[@m0] i đak.");
        assert_eq!(Encoded::of("Љ.", &[], pair("ru", "uk")).stream, "Љ.");
    }

    #[test]
    fn an_answer_is_read() {
        let tab = Piece::Kept("\t".to_owned());
        let expected = Ok(vec![vec![text(" a"), tab, text("b")], vec![text("c[.")]]);
        check_read("[@@7.0] a[@k0]b[@e].[@@7.1]c\\[.[@@7.2].[][\n]", &expected);
        // Words that moved behind the end are not lost.
        let expected = Ok(vec![vec![text("ab")], vec![Piece::Mark(3)]]);
        check_read("[@@7.0]a[@e]. b.[@@7.1][@m3][x][@@7.2]", &expected);
    }

    #[test]
    fn a_wrong_answer_is_refused() {
        for wrong in [
            "",
            "[@@7.0]a[@@7.2]",
            "[@@7.0]a[@@7.1]b",
            "[@@7.1]a[@@7.0]b[@@7.2]",
            "[@@6.0]a[@@6.1]b[@@6.2]",
            "a[@@7.0]a[@@7.1]b[@@7.2]",
            "[@@7.0]a[@@7.1]b[@@7.2][@@7.2]",
            "[@@7.0]a[@@7.1]b[@@7.2][@@7.3]",
            "[@m0][@@7.0]",
        ] {
            check_read(wrong, &Err(Unreadable::Borders));
        }
        for damaged in ["[@@7.0]a[", "[@@7.0]a\\", "[@@7.0][@k1]"] {
            check_read(damaged, &Err(Unreadable::Damaged));
        }
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            texts in prop::collection::vec(r"[^\s\x00]([ -~\t\n\u{A0}äक😀\u{202E}\u{1}]{0,40}[^\s\x00])?", 0..5),
        ) {
            let encoded: Vec<Encoded> = texts.iter().map(|text| encode(text, &[])).collect();
            let encoded: Vec<&Encoded> = encoded.iter().collect();
            let block = Block::of(3, encoded.iter().copied());
            let (nul, answer) = block.bytes.split_last().unwrap();
            prop_assert_eq!(*nul, 0);
            prop_assert!(!answer.contains(&0));
            let segments = read(answer, &block, &encoded).unwrap();
            let told_back: Vec<String> = segments.iter().map(|pieces| {
                let shown = |piece: &Piece| match piece {
                    Piece::Text(text) | Piece::Kept(text) => text.clone(),
                    Piece::Mark(_) => String::new(),
                };
                pieces.iter().map(shown).collect()
            }).collect();
            prop_assert_eq!(told_back, texts);
        }

        #[test]
        fn no_answer_is_too_strange(answer in r"(\[@@3\.[0-2]\]|[a\[\]\\.@ke0-9 ]){0,12}") {
            let encoded = [&encode("a", &[])];
            let _ = read(answer.as_bytes(), &Block::of(3, encoded), &encoded);
        }

        #[test]
        fn every_place_is_sent_once(text in r"[^\s\x00]([ -~\tä😀]{0,30}[^\s\x00])?", share in 0_usize..100) {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let marks: Vec<usize> = places.iter().copied().filter(|at| at * 37 % 100 < share).collect();
            let encoded = encode(&text, &marks);
            let encoded = [&encoded];
            let block = Block::of(3, encoded);
            let segments = read(&block.bytes[..block.bytes.len() - 1], &block, &encoded).unwrap();
            let found: Vec<usize> = segments[0].iter().filter_map(|piece| match piece {
                Piece::Mark(number) => Some(*number),
                Piece::Text(_) | Piece::Kept(_) => None,
            }).collect();
            prop_assert_eq!(found, (0..marks.len()).collect::<Vec<_>>());
        }
    }
}
