//! A translated segment as Apertium left it, made fit to be read.
//!
//! Spaces are doubled, put in front and lost around numbers; quotation marks
//! and words that could not be made come out under their inner names. What is
//! mended here is only what the source shows to be wrong.
//!
//! Start reading at [`mend`].

use super::block::Piece;
use crate::{Links, Translation};

/// What Apertium puts before a word that it could not read, transfer or write.
const UNKNOWN: &[char] = &['*', '#', '@'];

/// How some dictionaries call a quotation mark, and forget to call it back.
const QUOTE_NAME: &str = "parquote";

/// Puts the pieces that came back for the text `source` with the places
/// `marks` together. None if `carried`, the words that were to be carried as
/// they are, did not all come back once, or if nothing came back.
pub(super) fn mend(
    source: &str,
    marks: &[usize],
    carried: &[&str],
    pieces: &[Piece],
) -> Option<Translation> {
    if !are_carried_once(carried, pieces) {
        return None;
    }
    let mut target = Target::default();
    let mut gap = Gap::default();
    for piece in pieces {
        match piece {
            Piece::Text(text) => {
                for character in text.chars() {
                    if character == ' ' {
                        gap.has_space = true;
                    } else {
                        target.close(&mut gap, source, marks, Some(character));
                        target.text.push(character);
                    }
                }
            }
            Piece::Kept(text) if text.starts_with(char::is_whitespace) => gap.white.push_str(text),
            Piece::Kept(text) => {
                target.close(&mut gap, source, marks, text.chars().next());
                target.text.push_str(text);
            }
            Piece::Mark(number) => gap.marks.push((*number, gap.has_white())),
        }
    }
    target.close(&mut gap, source, marks, None);
    target.restore_quotes(source);
    target.remove_signs(source);
    target.part_numbers(source);
    target.part_names(source);
    if target.text.trim().is_empty() {
        return None;
    }
    let links = target.links(marks.len());
    Some(Translation { text: target.text, links })
}

// White space does not count: a lost tab is no lost text.
fn are_carried_once(carried: &[&str], pieces: &[Piece]) -> bool {
    let mut came = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Kept(text) if !text.starts_with(char::is_whitespace) => came.push(text.as_str()),
            Piece::Kept(_) | Piece::Text(_) | Piece::Mark(_) => (),
        }
    }
    let mut carried = carried.to_vec();
    carried.sort_unstable();
    came.sort_unstable();
    carried == came
}

/// What stands between two words: white space and places.
#[derive(Default)]
struct Gap {
    has_space: bool,
    /// White space that was carried.
    white: String,
    /// The places, and whether white space came before each.
    marks: Vec<(usize, bool)>,
}

impl Gap {
    fn has_white(&self) -> bool {
        self.has_space || !self.white.is_empty()
    }
}

#[derive(Default)]
struct Target {
    text: String,
    /// Which place is where.
    marks: Vec<(usize, usize)>,
}

impl Target {
    /// Writes down what stands between the text so far and `next`.
    fn close(&mut self, gap: &mut Gap, source: &str, marks: &[usize], next: Option<char>) {
        let Gap { has_space, white, marks: places } = std::mem::take(gap);
        let is_inside = !self.text.is_empty() && next.is_some();
        let between_words =
            self.text.ends_with(char::is_alphanumeric) && next.is_some_and(char::is_alphanumeric);
        let is_by_white = |number: &usize| {
            let at = marks.get(*number).copied().unwrap_or_default();
            (
                source[at..].starts_with(char::is_whitespace),
                source[..at].ends_with(char::is_whitespace),
            )
        };
        let lost = between_words
            && places
                .iter()
                .any(|(number, _)| matches!(is_by_white(number), (true, _) | (_, true)));
        let white = match (is_inside, white.as_str()) {
            (false, _) => "",
            (true, "") if has_space || lost => " ",
            (true, carried) => carried,
        };
        let before = self.text.len();
        self.text.push_str(white);
        for (number, came_after_white) in places {
            // The place keeps the side of the white space that it had.
            let is_before = match is_by_white(&number) {
                (true, false) => true,
                (false, true) => false,
                (true, true) | (false, false) => !came_after_white,
            };
            let at = if is_before { before } else { self.text.len() };
            self.marks.push((number, at));
        }
    }

    fn insert(&mut self, at: usize, character: char) {
        self.text.insert(at, character);
        for (_, mark) in &mut self.marks {
            if at < *mark {
                *mark += character.len_utf8();
            }
        }
    }

    fn remove(&mut self, at: usize, len: usize) {
        self.text.replace_range(at..at + len, "");
        for (_, mark) in &mut self.marks {
            *mark = if at + len <= *mark { *mark - len } else { at.min(*mark) };
        }
    }

    fn restore_quotes(&mut self, source: &str) {
        if source.contains(QUOTE_NAME) {
            return;
        }
        while let Some(at) = self.text.find(QUOTE_NAME) {
            self.remove(at, QUOTE_NAME.len() - 1);
            self.text.replace_range(at..=at, "\"");
        }
    }

    /// Takes the signs of unknown words away that are more than the source has.
    fn remove_signs(&mut self, source: &str) {
        for sign in UNKNOWN {
            let mut spare =
                self.text.matches(*sign).count().saturating_sub(source.matches(*sign).count());
            let mut from = 0;
            while let Some(found) = self.text[from..].find(*sign).filter(|_| 0 < spare) {
                let at = from + found;
                let is_sign = self.text[at + 1..].starts_with(char::is_alphanumeric)
                    && !self.text[..at].ends_with(char::is_alphanumeric);
                if is_sign {
                    self.remove(at, 1);
                    spare -= 1;
                } else {
                    from = at + 1;
                }
            }
        }
    }

    /// Puts the spaces back around numbers that stood alone in the source.
    fn part_numbers(&mut self, source: &str) {
        let alone: Vec<Number<'_>> = numbers(source).collect();
        if alone.is_empty() {
            return;
        }
        let mut places = Vec::new();
        for number in numbers(&self.text) {
            let mut same = alone.iter().filter(|other| other.text == number.text).peekable();
            if same.peek().is_none() {
                continue;
            }
            let is_parted = |neighbor: Option<char>| {
                neighbor.is_none_or(|character| character.is_whitespace() || is_dash(character))
            };
            let (mut before, mut after, mut is_compound) = (true, true, true);
            for source in same {
                before &= is_parted(source.before);
                after &= is_parted(source.after);
                is_compound &= source.after.is_some_and(is_dash);
            }
            if before && number.before.is_some_and(is_letter) {
                // `10-minute talks` becomes `charlasde10 minutos`.
                let words = self.text[..number.at].strip_suffix("de").filter(|_| is_compound);
                let words = words.filter(|words| words.ends_with(char::is_alphabetic));
                places.extend(words.map(str::len));
                places.push(number.at);
            }
            if after && number.after.is_some_and(is_letter) {
                places.push(number.at + number.text.len());
            }
        }
        for at in places.into_iter().rev() {
            self.insert(at, ' ');
        }
    }

    /// Puts the space back before a name, a word with a capital that the source
    /// has too, but only as a word of its own: `añosAuckland`.
    fn part_names(&mut self, source: &str) {
        let mut places = Vec::new();
        let mut previous = ' ';
        for (at, character) in self.text.char_indices() {
            if previous.is_lowercase() && character.is_uppercase() {
                let rest = &self.text[at..];
                let end = rest.find(|next| !is_letter(next)).unwrap_or(rest.len());
                let mut found = source.match_indices(&rest[..end]).peekable();
                let is_alone = |(at, _): (usize, &str)| !source[..at].ends_with(is_letter);
                if 1 < end && found.peek().is_some() && found.all(is_alone) {
                    places.push(at);
                }
            }
            previous = character;
        }
        for at in places.into_iter().rev() {
            self.insert(at, ' ');
        }
    }

    /// Where the places are, if each is there once.
    fn links(&mut self, count: usize) -> Links {
        self.marks.sort_unstable();
        let are_all = self.marks.len() == count
            && self.marks.iter().enumerate().all(|(index, (number, _))| index == *number);
        if !are_all {
            return Links::None;
        }
        Links::Marks(self.marks.iter().map(|(_, at)| *at).collect())
    }
}

struct Number<'a> {
    at: usize,
    text: &'a str,
    before: Option<char>,
    after: Option<char>,
}

/// The numbers of a text: digits, with single points and commas between them.
fn numbers(text: &str) -> impl Iterator<Item = Number<'_>> {
    let bytes = text.as_bytes();
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = from + bytes[from..].iter().position(u8::is_ascii_digit)?;
        let mut end = at + 1;
        let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
        while is_digit(end) || (matches!(bytes.get(end), Some(b'.' | b',')) && is_digit(end + 1)) {
            end += 1;
        }
        from = end;
        let (before, after) = (text[..at].chars().next_back(), text[end..].chars().next());
        Some(Number { at, text: &text[at..end], before, after })
    })
}

fn is_dash(character: char) -> bool {
    matches!(character, '-' | '\u{2010}'..='\u{2015}')
}

// The signs of ordinals are letters to Unicode.
fn is_letter(character: char) -> bool {
    character.is_alphabetic() && !matches!(character, 'º' | 'ª')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Piece {
        Piece::Text(text.to_owned())
    }

    fn kept(text: &str) -> Piece {
        Piece::Kept(text.to_owned())
    }

    fn check(source: &str, target: &str, expected: &str) {
        let translation = mend(source, &[], &[], &[text(target)]).unwrap();
        assert_eq!(translation.text, expected);
    }

    /// In `source` and `expected` each `|` is a place; in `target` each digit is one.
    fn check_marks(source: &str, target: &str, expected: &str) {
        let parts: Vec<&str> = source.split('|').collect();
        let mut marks = Vec::new();
        let mut at = 0;
        for part in &parts[..parts.len() - 1] {
            at += part.len();
            marks.push(at);
        }
        let pieces: Vec<Piece> = target
            .chars()
            .map(|character| match character.to_digit(10) {
                Some(number) => Piece::Mark(usize::try_from(number).unwrap()),
                None => Piece::Text(character.to_string()),
            })
            .collect();
        let translation = mend(&parts.concat(), &marks, &[], &pieces).unwrap();
        let mut shown = translation.text;
        if let Links::Marks(placed) = translation.links {
            for at in placed.into_iter().rev() {
                shown.insert(at, '|');
            }
        }
        assert_eq!(shown, expected);
    }

    #[test]
    fn spaces_are_mended() {
        check("I have two. They", " Tengo dos.   Son ", "Tengo dos. Son");
        let pieces = [text(" a "), kept("\t\t"), text(" b"), kept("\u{A0}"), text("c")];
        assert_eq!(mend("a\t\tb\u{A0}c", &[], &[], &pieces).unwrap().text, "a\t\tb\u{A0}c");
    }

    #[test]
    fn numbers_that_stood_alone_stand_alone() {
        check("4-month-old mice", "ratonesde4meses", "ratones de 4 meses");
        check("the 4 greens", "verde4", "verde 4");
        check("the 3,500 people", "las3,500personas", "las 3,500 personas");
        check("B52 and 52 planes", "B52 y52 planes", "B52 y52 planes");
        check("the 4th and 1990s", "el 4th y 1990s", "el 4th y 1990s");
        check("19. öld", "19th century", "19th century");
        check("5 May", "5º", "5º");
        check("no numbers", "de4", "de4");
    }

    #[test]
    fn names_that_stood_alone_stand_alone() {
        check("an Auckland man", "añosAuckland hombre", "años Auckland hombre");
        check("a McDonald and an iPhone", "un McDonald y el iPhone", "un McDonald y el iPhone");
        check("eBay", "elBay", "elBay");
    }

    #[test]
    fn signs_of_unknown_words_do_not_leak() {
        check("the zorg eats", "El *zorg #come @x", "El zorg come x");
        check("C# and *bold* @home", "C# y *bold* @home", "C# y *bold* @home");
        check("a * b", "a * *b", "a * b");
    }

    #[test]
    fn quotation_marks_get_their_sign_back() {
        check("\"a\" b", "parquoteaparquote b", "\"a\" b");
        check("parquote", "parquote", "parquote");
        check_marks("x |\"a\"| b", "x 0parquoteaparquote1 b", "x |\"a\"| b");
    }

    #[test]
    fn places_keep_their_side_of_the_white_space() {
        check_marks("a |b| c", "a 0 b 1c", "a |b| c");
        check_marks("a |b| c", "a 0b1 c", "a |b| c");
        check_marks("a |b| c", "0a  b1 c", "|a b| c");
        check_marks("a| |b", "a0 1b", "a| |b");
        check_marks("(a|).", " (a0).", "(a|).");
        check_marks("|a b|", " 0a b1 ", "|a b|");
    }

    #[test]
    fn a_place_between_words_parts_them() {
        check_marks("a |b", "a0b", "a |b");
        check_marks("a| b", "a0b", "a| b");
        check_marks("a|b", "a0b", "a|b");
    }

    #[test]
    fn a_place_that_is_lost_or_doubled_is_none() {
        check_marks("a |b| c", "a 0 b c", "a b c");
        check_marks("a |b c", "a 0 b 0c", "a b c");
        check_marks("a |b c", "a 3 b c", "a b c");
    }

    #[test]
    fn places_move_with_what_is_mended() {
        check_marks("x |y", "#xde0 #y", "xde |y");
        let pieces = [Piece::Mark(0), text("xde4"), Piece::Mark(1), text("meses")];
        let Translation { text, links } = mend("4-x y", &[0, 3], &[], &pieces).unwrap();
        assert_eq!((text.as_str(), links), ("x de 4 meses", Links::Marks(vec![0, 6])));
    }

    #[test]
    fn a_long_word_that_is_lost_or_doubled_or_nothing_at_all_is_no_translation() {
        let check = |pieces: &[Piece]| assert_eq!(mend("a xx", &[], &["xx"], pieces), None);
        check(&[text("a "), kept("xx"), kept("xx")]);
        check(&[text("a ")]);
        assert!(mend("a xx", &[], &["xx"], &[text("a "), kept("xx")]).is_some());
        assert_eq!(mend("a", &[], &[], &[text("  ")]), None);
        assert_eq!(mend("a", &[], &[], &[]), None);
    }
}
