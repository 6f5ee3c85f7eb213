//! Text written as HTML.
//!
//! In a page only what would be taken for markup is written as a reference. In
//! a snippet, characters keep the references that its writer used for them.

use std::collections::HashMap;

use super::references::{Characters, reference};

const SPECIAL: [char; 4] = ['&', '<', '>', '\u{A0}'];

/// Writes `text` with as few references as there can be.
pub(super) fn write(text: &str, html: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(SPECIAL) {
        html.push_str(&rest[..at]);
        let special = rest[at..].chars().next().expect("one was found there");
        html.push_str(default(special));
        rest = &rest[at + special.len_utf8()..];
    }
    html.push_str(rest);
}

/// How the special characters of a part of a source are written in it, in order.
#[derive(Debug, Default)]
pub(super) struct Spellings<'a> {
    of: HashMap<char, Spelling<'a>>,
}

#[derive(Debug, Default)]
struct Spelling<'a> {
    forms: Vec<&'a str>,
    used: usize,
}

impl<'a> Spellings<'a> {
    /// Adds those in `source`, which has no markup in it.
    pub(super) fn add(&mut self, source: &'a str) {
        let mut rest = source;
        while let Some(at) = rest.find(['&', '<', '>', '\u{A0}', '"', '\'']) {
            rest = &rest[at..];
            let first = rest.chars().next().expect("one was found there");
            let (characters, bytes) =
                reference(rest).unwrap_or((Characters(first, None), first.len_utf8()));
            if let Characters(character, None) = characters {
                self.of.entry(character).or_default().forms.push(&rest[..bytes]);
            }
            rest = &rest[bytes..];
        }
    }

    /// Writes `text`; what occurs in the source too is written as it is there.
    pub(super) fn write(&mut self, text: &str, html: &mut String) {
        if self.of.is_empty() {
            write(text, html);
            return;
        }
        for (at, character) in text.char_indices() {
            let form = self.of.get_mut(&character).map(Spelling::next);
            let form = form.filter(|form| !is_misread(form, &text[at..]));
            let next = text[at + character.len_utf8()..].bytes().next();
            match form {
                Some(form) => {
                    html.push_str(form);
                    let is_open = 1 < form.len() && form.starts_with('&') && !form.ends_with(';');
                    if is_open
                        && next.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b';')
                    {
                        html.push(';');
                    }
                }
                None if SPECIAL.contains(&character) => html.push_str(default(character)),
                None => html.push(character),
            }
        }
    }
}

impl<'a> Spelling<'a> {
    /// The next form; the last one for all that come after it.
    fn next(&mut self) -> &'a str {
        let form = self.forms[self.used.min(self.forms.len() - 1)];
        self.used += 1;
        form
    }
}

/// Whether `form` would be taken for the beginning of markup before the rest of `text`.
fn is_misread(form: &str, text: &str) -> bool {
    match form {
        "&" => reference(text).is_some(),
        "<" => {
            text[1..].starts_with(|next: char| next.is_ascii_alphabetic() || "/!?".contains(next))
        }
        _ => false,
    }
}

fn default(special: char) -> &'static str {
    match special {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        _ => "&nbsp;",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_markup_is_a_reference() {
        let mut html = String::new();
        write("a & b < c > d\u{A0}é \"'", &mut html);
        assert_eq!(html, "a &amp; b &lt; c &gt; d&nbsp;é \"'");
    }

    #[test]
    fn characters_keep_their_spelling() {
        let check = |source: &str, text: &str, expected: &str| {
            let (mut spellings, mut html) = (Spellings::default(), String::new());
            spellings.add(source);
            spellings.write(text, &mut html);
            assert_eq!(html, expected, "{source:?}");
        };
        check("a &#38; b &amp; c & d", "& & & &", "&#38; &amp; & &");
        check("caf&eacute; &lt;", "é é < >", "&eacute; &eacute; &lt; &gt;");
        check("&quot;a\" &#8217;", "\"b\" ’é", "&quot;b\" &#8217;é");
        check("a < b & c", "a <b &amp; c <", "a &lt;b &amp;amp; c <");
        check("&copy 2020", "©2020 © x", "&copy;2020 &copy x");
        check("a&nbsp;b", "a\u{A0}b", "a&nbsp;b");
        check("a", "a\u{A0}&", "a&nbsp;&amp;");
    }
}
