//! What must come through a translation unchanged: `{name}`, `%s`, `${x}`,
//! `$1`, addresses of pages and people.

use std::iter::Peekable;
use std::ops::Range;
use std::vec;

use super::translatable::address_within;

/// A name between braces or parentheses that is longer is none.
const NAME_BYTES_MAX: usize = 1_000;

/// All placeholders and addresses of `text`, in order and apart.
pub fn placeholders(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    // Most sentences have none, and need not be looked at in detail.
    let has_page = text.contains("www.") || text.contains("WWW.");
    if !has_page && !text.contains(['{', '%', '$', '@', ':']) {
        return found;
    }
    let mut at = 0;
    let mut addresses = addresses(text).peekable();
    let mut scan = Placeholders::of(text);
    while at < text.len() {
        while addresses.next_if(|address| address.end <= at).is_some() {}
        if let Some(address) = addresses.next_if(|address| address.start <= at) {
            at = address.end;
            found.push(address.start..address.end);
        } else if let Some(end) = scan.end_of(at) {
            found.push(at..end);
            at = end;
        } else {
            at += 1;
        }
    }
    found
}

fn addresses(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.split_whitespace().filter_map(move |word| {
        let start = word.as_ptr().addr() - text.as_ptr().addr();
        let inner = address_within(word)?;
        let skipped = inner.as_ptr().addr() - word.as_ptr().addr();
        Some(start + skipped..start + skipped + inner.len())
    })
}

/// Finds placeholders in one pass over a text.
pub struct Placeholders<'a> {
    bytes: &'a [u8],
    /// For each opening brace that has a partner, in order: both places.
    braces: Peekable<vec::IntoIter<(usize, usize)>>,
}

impl<'a> Placeholders<'a> {
    /// Those of `text`.
    pub fn of(text: &'a str) -> Self {
        let bytes = text.as_bytes();
        Self { bytes, braces: outer_braces(bytes).into_iter().peekable() }
    }

    /// Where the placeholder that begins at `at` ends, if one does. Asked for
    /// growing places only.
    pub fn end_of(&mut self, at: usize) -> Option<usize> {
        match self.bytes[at] {
            b'{' => self.end_of_braces(at),
            b'$' if self.bytes.get(at + 1) == Some(&b'{') => self.end_of_braces(at + 1),
            b'$' => end_of_dollar(&self.bytes[at..]).map(|len| at + len),
            b'%' => end_of_percent(&self.bytes[at..]).map(|len| at + len),
            _ => None,
        }
    }

    fn end_of_braces(&mut self, at: usize) -> Option<usize> {
        // Braces within something else were passed over with it.
        while self.braces.next_if(|(open, _)| *open < at).is_some() {}
        let (_, close) = self.braces.next_if(|(open, _)| *open == at)?;
        (close - at < NAME_BYTES_MAX).then_some(close + 1)
    }
}

/// The pairs of braces that are in no other pair.
fn outer_braces(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut open = Vec::new();
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' => open.push(at),
            b'}' => {
                if let Some(start) = open.pop() {
                    while pairs.last().is_some_and(|(inner, _)| start < *inner) {
                        pairs.pop();
                    }
                    pairs.push((start, at));
                }
            }
            _ => (),
        }
    }
    pairs
}

// `$1` stands for something; `$12` and `$1.50` are money.
fn end_of_dollar(bytes: &[u8]) -> Option<usize> {
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let goes_on = is_digit(2) || (matches!(bytes.get(2), Some(b'.' | b',')) && is_digit(3));
    (is_digit(1) && !goes_on).then_some(2)
}

/// The length of a placeholder such as `%s`, `%1$s`, `%-5.2f`, `%ld` or
/// `%(name)s` at the beginning of `bytes`.
fn end_of_percent(bytes: &[u8]) -> Option<usize> {
    let skip = |from: usize, set: &[u8]| {
        from + bytes[from..].iter().take_while(|byte| set.contains(byte)).count()
    };
    let mut at = 1;
    if bytes.get(at) == Some(&b'(') {
        let name = bytes[at..].iter().take(NAME_BYTES_MAX).position(|byte| *byte == b')')?;
        at += name + 1;
    }
    at = skip(at, b"0123456789$");
    // A blank is a flag too, but `100 % sure` is more frequent.
    at = skip(at, b"-+#'0123456789*.");
    at = skip(at, b"hlLqjzt");
    let conversion = bytes.get(at)?;
    b"diouxXeEfFgGaAcCsSp@".contains(conversion).then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found: Vec<&str> = placeholders(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn what_must_not_change_is_found() {
        check("Hello {name}, {{x}} and ${y}!", &["{name}", "{{x}}", "${y}"]);
        check("%s of %1$s, %-5.2f %(name)s %@", &["%s", "%1$s", "%-5.2f", "%(name)s", "%@"]);
        check("$1 costs $1.50 or $12", &["$1"]);
        check("See (https://example.com/{id}?a=b).", &["https://example.com/{id}?a=b"]);
        check("Write to <info@example.com>, please", &["info@example.com"]);
        check("{n, plural, one {# x} other {# y}} left", &["{n, plural, one {# x} other {# y}}"]);
    }

    #[test]
    fn what_only_looks_like_one_is_not() {
        check("100 % sure, 5%, {a and b}}", &["{a and b}"]);
        check("{a", &[]);
        check("a@b or user@host", &[]);
    }

    #[test]
    fn hostile_text_takes_no_longer_than_any_other() {
        for unit in ["{", "}", "{}", "%(", "$", "${", "@", "a@b.c ", "www.", "%"] {
            let text = unit.repeat(300_000 / unit.len());
            let found = placeholders(&text);
            assert!(found.is_sorted_by_key(|range| range.start), "{unit}");
        }
    }
}
