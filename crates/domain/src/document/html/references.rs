//! Character references: `&amp;`, `&eacute;`, `&#8217;`, `&#x2019;`.
//!
//! They are read as browsers read them in text: old names need no semicolon,
//! and numbers from 128 to 159 are what Windows made of them.
//!
//! Start reading at [`reference()`].

use std::collections::HashMap;
use std::sync::LazyLock;

/// The names of the HTML standard: a name and its characters a line. A name that ends with a semicolon is none
/// without it.
const TABLE: &str = include_str!("references.txt");

const NAME_BYTES_MAX: usize = 31;
const OLD_NAME_BYTES_MAX: usize = 6;

/// What the numbers from 128 to 159 stand for; those without a character of
/// their own stand for themselves.
const WINDOWS: [char; 32] = [
    '\u{20AC}', '\u{81}', '\u{201A}', '\u{192}', '\u{201E}', '\u{2026}', '\u{2020}', '\u{2021}',
    '\u{2C6}', '\u{2030}', '\u{160}', '\u{2039}', '\u{152}', '\u{8D}', '\u{17D}', '\u{8F}',
    '\u{90}', '\u{2018}', '\u{2019}', '\u{201C}', '\u{201D}', '\u{2022}', '\u{2013}', '\u{2014}',
    '\u{2DC}', '\u{2122}', '\u{161}', '\u{203A}', '\u{153}', '\u{9D}', '\u{17E}', '\u{178}',
];

static NAMES: LazyLock<HashMap<&str, Characters>> = LazyLock::new(|| {
    let entry = |line: &'static str| {
        let mut words = line.split(' ');
        let name = words.next()?;
        let mut character = || char::from_u32(u32::from_str_radix(words.next()?, 16).ok()?);
        Some((name, Characters(character()?, character())))
    };
    TABLE.lines().filter_map(entry).collect()
});

/// What a reference stands for: one character, for some names two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Characters(pub(super) char, pub(super) Option<char>);

/// The reference that `text` begins with, and how many bytes it takes up.
/// `None` if the `&` is only an ampersand.
pub(super) fn reference(text: &str) -> Option<(Characters, usize)> {
    let rest = text.strip_prefix('&')?;
    match rest.strip_prefix('#') {
        Some(rest) => {
            let (character, bytes) = number(rest)?;
            Some((Characters(character, None), "&#".len() + bytes))
        }
        None => named(rest).map(|(characters, bytes)| (characters, "&".len() + bytes)),
    }
}

fn number(text: &str) -> Option<(char, usize)> {
    let hexadecimal = text.strip_prefix(['x', 'X']);
    let (digits, radix) = hexadecimal.map_or((text, 10), |digits| (digits, 16));
    let mut value: u32 = 0;
    let mut count = 0;
    for digit in digits.chars().map_while(|character| character.to_digit(radix)) {
        value = value.saturating_mul(radix).saturating_add(digit);
        count += 1;
    }
    if count == 0 {
        return None;
    }
    let semicolon = usize::from(digits[count..].starts_with(';'));
    let character = match value {
        0 => char::REPLACEMENT_CHARACTER,
        0x80..=0x9F => WINDOWS[(value - 0x80) as usize],
        _ => char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER),
    };
    Some((character, text.len() - digits.len() + count + semicolon))
}

fn named(text: &str) -> Option<(Characters, usize)> {
    let letters = text.bytes().take(NAME_BYTES_MAX + 1);
    let length = letters.take_while(u8::is_ascii_alphanumeric).count();
    let found = |name: &str| NAMES.get(name).map(|characters| (*characters, name.len()));
    if text[length..].starts_with(';') {
        let old = || found(&text[..length]).map(|(characters, bytes)| (characters, bytes + 1));
        if let Some(whole) = found(&text[..=length]).or_else(old) {
            return Some(whole);
        }
    }
    (2..=length.min(OLD_NAME_BYTES_MAX)).rev().find_map(|bytes| found(&text[..bytes]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, usize)>) {
        let read = reference(text).map(|(Characters(first, second), bytes)| {
            (std::iter::once(first).chain(second).collect::<String>(), bytes)
        });
        let expected = expected.map(|(characters, bytes)| (characters.to_owned(), bytes));
        assert_eq!(read, expected, "{text:?}");
    }

    #[test]
    fn names_are_known_with_and_without_semicolon() {
        check("&amp;", Some(("&", 5)));
        check("&amp", Some(("&", 4)));
        check("&AMPx", Some(("&", 4)));
        check("&eacute;s", Some(("é", 8)));
        check("&notin;", Some(("∉", 7)));
        check("&notit;", Some(("¬", 4)));
        check("&frac34;", Some(("¾", 8)));
        check("&acE;", Some(("\u{223E}\u{333}", 5)));
        check("&CounterClockwiseContourIntegral;", Some(("∳", 33)));
        check("&hellip", None);
        check("&HELLIP;", None);
        check("&nosuchname;", None);
        check("&", None);
        check("& ", None);
        check("&;", None);
        check("&é;", None);
        check(&format!("&{};", "a".repeat(1_000)), None);
    }

    #[test]
    fn numbers_are_read_as_browsers_read_them() {
        check("&#65;", Some(("A", 5)));
        check("&#65x", Some(("A", 4)));
        check("&#x1F600;", Some(("😀", 9)));
        check("&#X41g", Some(("A", 5)));
        check("&#146;", Some(("’", 6)));
        check("&#x80;", Some(("€", 6)));
        check("&#0;", Some(("\u{FFFD}", 4)));
        check("&#xD800;", Some(("\u{FFFD}", 8)));
        check("&#99999999999999999999;", Some(("\u{FFFD}", 23)));
        check("&#;", None);
        check("&#x;", None);
        check("&#xé", None);
    }

    #[test]
    fn every_line_of_the_table_is_a_reference() {
        assert_eq!(NAMES.len(), TABLE.lines().count());
        for name in NAMES.keys() {
            let name = name.trim_end_matches(';');
            let longest =
                if NAMES.contains_key(name) { OLD_NAME_BYTES_MAX } else { NAME_BYTES_MAX };
            assert!((2..=longest).contains(&name.len()), "{name}");
        }
    }
}
