//! HTML cut into tags, text and the rest, as browsers cut it.
//!
//! There is no HTML that cannot be cut: what is not closed goes on to the end.
//! Every byte is looked at a bounded number of times, whatever the source is.
//!
//! Start reading at [`Tokens::next`].

use std::ops::Range;

/// One part of the source. All of them together are the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Characters and character references.
    Text(Range<usize>),
    /// `<name ...>`
    Start(TagToken),
    /// `</name>`
    End(TagToken),
    /// Comments, declarations, instructions, and a tag that does not end.
    Other(Range<usize>),
}

/// A whole tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TagToken {
    pub(super) span: Range<usize>,
    pub(super) name: Range<usize>,
    /// What its attribute `translate` says, if it has one that says something.
    pub(super) translate: Option<bool>,
    pub(super) is_self_closing: bool,
}

/// Cuts a source from its beginning to its end.
pub(super) struct Tokens<'a> {
    source: &'a str,
    at: usize,
    // What is not in the rest of the source, so that it is looked for only once.
    missing: Vec<&'static str>,
}

impl<'a> Tokens<'a> {
    /// The tokens of `source`, from the byte `at` on.
    pub(super) fn of(source: &'a str, at: usize) -> Self {
        Self { source, at, missing: Vec::new() }
    }

    /// Where the next token begins.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Passes over what stands before `position`.
    pub(super) fn go_to(&mut self, position: usize) {
        self.at = position;
    }

    /// Where the next end tag of `name`, which is in lower case, begins, if all
    /// before it is taken for text.
    pub(super) fn next_end(&mut self, name: &'static str) -> Option<usize> {
        if self.missing.contains(&name) {
            return None;
        }
        let bytes = self.source.as_bytes();
        let mut at = self.at;
        while let Some(found) = self.source[at..].find("</") {
            let start = at + found;
            at = start + "</".len();
            let end = at + name.len();
            let is_name = |found: &[u8]| found.eq_ignore_ascii_case(name.as_bytes());
            if bytes.get(at..end).is_some_and(is_name)
                && bytes.get(end).is_some_and(|byte| ends_name(*byte))
            {
                return Some(start);
            }
        }
        self.missing.push(name);
        None
    }

    /// The next token, unless the source is at its end.
    pub(super) fn next(&mut self) -> Option<Token> {
        let start = self.at;
        if start == self.source.len() {
            return None;
        }
        let token = match self.next_markup(start) {
            Some(markup) if markup == start => self.markup(),
            markup => {
                self.at = markup.unwrap_or(self.source.len());
                Token::Text(start..self.at)
            }
        };
        Some(token)
    }

    /// Where the next markup begins, from `at` on. Other `<` are characters.
    fn next_markup(&self, mut at: usize) -> Option<usize> {
        loop {
            at += self.source[at..].find('<')?;
            let is_markup = match &self.source.as_bytes()[at + 1..] {
                [b'!' | b'?', ..] | [b'/', _, ..] => true,
                [byte, ..] => byte.is_ascii_alphabetic(),
                [] => false,
            };
            if is_markup {
                return Some(at);
            }
            at += 1;
        }
    }

    fn markup(&mut self) -> Token {
        let start = self.at;
        let rest = &self.source[start..];
        let end = match &rest.as_bytes()[1..] {
            [b'!', b'-', b'-', ..] => comment_end(rest),
            [b'!', b'[', b'C', b'D', b'A', b'T', b'A', b'[', ..] => self.character_data_end(),
            // A program may have a `>` in it.
            [b'?', b'p', b'h', b'p', ..] | [b'?', b'=' | b' ' | b'\t' | b'\r' | b'\n', ..] => {
                after(rest, "?>")
            }
            [b'/', letter, ..] | [letter, ..] if letter.is_ascii_alphabetic() => {
                if let Some(tag) = self.tag() {
                    return tag;
                }
                None
            }
            _ => after(rest, ">"),
        };
        self.at = end.map_or(self.source.len(), |end| start + end);
        Token::Other(start..self.at)
    }

    // In HTML this is a comment that ends with the next `>`, in XHTML it is text
    // that may have a `>` in it. Who writes it means the latter.
    fn character_data_end(&mut self) -> Option<usize> {
        let rest = &self.source[self.at..];
        if !self.missing.contains(&"]]>") {
            let end = after(rest, "]]>");
            if end.is_some() {
                return end;
            }
            self.missing.push("]]>");
        }
        after(rest, ">")
    }

    /// The tag here, unless the source ends in it.
    fn tag(&mut self) -> Option<Token> {
        let bytes = self.source.as_bytes();
        let start = self.at;
        let is_end = bytes[start + 1] == b'/';
        let name_start = start + 1 + usize::from(is_end);
        let name = name_start..find(bytes, name_start, ends_name)?;
        let mut at = name.end;
        let mut translate = None;
        loop {
            let attribute = find(bytes, at, |byte| !is_white(byte) && byte != b'/')?;
            if bytes[attribute] == b'>' {
                self.at = attribute + 1;
                let is_self_closing = bytes[attribute - 1] == b'/';
                let translate = translate.flatten();
                let tag = TagToken { span: start..self.at, name, translate, is_self_closing };
                return Some(if is_end { Token::End(tag) } else { Token::Start(tag) });
            }
            // Its first character is part of an attribute's name, even if it is `=`.
            let end = find(bytes, attribute + 1, |byte| ends_name(byte) || byte == b'=')?;
            let (value, next) = value(bytes, end)?;
            let name = &bytes[attribute..end];
            if name.eq_ignore_ascii_case(b"translate") && translate.is_none() {
                translate = Some(translates(&bytes[value]));
            }
            at = next;
        }
    }
}

/// The value of the attribute whose name ends at `at`, and where the next one
/// may begin.
fn value(bytes: &[u8], at: usize) -> Option<(Range<usize>, usize)> {
    let equals = find(bytes, at, |byte| !is_white(byte))?;
    if bytes[equals] != b'=' {
        return Some((at..at, equals));
    }
    let start = find(bytes, equals + 1, |byte| !is_white(byte))?;
    let quote = bytes[start];
    if matches!(quote, b'"' | b'\'') {
        let end = find(bytes, start + 1, |byte| byte == quote)?;
        return Some((start + 1..end, end + 1));
    }
    let end = find(bytes, start, |byte| is_white(byte) || byte == b'>')?;
    Some((start..end, end))
}

fn translates(value: &[u8]) -> Option<bool> {
    if value.is_empty() || value.eq_ignore_ascii_case(b"yes") {
        return Some(true);
    }
    value.eq_ignore_ascii_case(b"no").then_some(false)
}

fn comment_end(text: &str) -> Option<usize> {
    let content = &text["<!--".len()..];
    let start = text.len() - content.len();
    if content.starts_with('>') {
        return Some(start + 1);
    }
    if content.starts_with("->") {
        return Some(start + 2);
    }
    let mut end = 0;
    loop {
        end += content[end..].find('>')?;
        if content[..end].ends_with("--") || content[..end].ends_with("--!") {
            return Some(start + end + 1);
        }
        end += 1;
    }
}

fn after(text: &str, end: &str) -> Option<usize> {
    text.find(end).map(|at| at + end.len())
}

fn find(bytes: &[u8], from: usize, is_wanted: impl Fn(u8) -> bool) -> Option<usize> {
    let found = bytes.get(from..)?.iter().position(|byte| is_wanted(*byte))?;
    Some(from + found)
}

fn ends_name(byte: u8) -> bool {
    is_white(byte) || matches!(byte, b'/' | b'>')
}

/// Whether HTML takes `byte` for white space.
pub(super) fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\x0C' | b'\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tokens with their kinds: text, `<` start, `/` end, `!` other.
    fn check(source: &str, expected: &[(char, &str)]) {
        let mut tokens = Tokens::of(source, 0);
        let mut found = Vec::new();
        while let Some(token) = tokens.next() {
            let (kind, span) = match token {
                Token::Text(span) => ('t', span),
                Token::Start(tag) => ('<', tag.span),
                Token::End(tag) => ('/', tag.span),
                Token::Other(span) => ('!', span),
            };
            assert_eq!(span.end, tokens.position());
            found.push((kind, &source[span]));
        }
        assert_eq!(found, expected, "{source:?}");
    }

    #[test]
    fn tags_end_where_browsers_end_them() {
        check("<p>a</p>", &[('<', "<p>"), ('t', "a"), ('/', "</p>")]);
        check("<a b='>' c=\">\" d>e", &[('<', "<a b='>' c=\">\" d>"), ('t', "e")]);
        check("<a b=c>d>e", &[('<', "<a b=c>"), ('t', "d>e")]);
        check("<a b = 'c>'d>", &[('<', "<a b = 'c>'d>")]);
        check("<a =\"b>c\">", &[('<', "<a =\"b>"), ('t', "c\">")]);
        check("<a b=>c", &[('<', "<a b=>"), ('t', "c")]);
        check("<a/b=/>c", &[('<', "<a/b=/>"), ('t', "c")]);
        check("</a b='>'>", &[('/', "</a b='>'>")]);
        check("<a\n b\n=\n'c'\n>", &[('<', "<a\n b\n=\n'c'\n>")]);
        check("<p<b>c", &[('<', "<p<b>"), ('t', "c")]);
    }

    #[test]
    fn what_is_no_tag_is_text_or_a_comment() {
        check("1 < 2 <3 <", &[('t', "1 < 2 <3 <")]);
        check("a</", &[('t', "a</")]);
        check("a</>b</ c>d", &[('t', "a"), ('!', "</>"), ('t', "b"), ('!', "</ c>"), ('t', "d")]);
        check("<!-- a > b -->c", &[('!', "<!-- a > b -->"), ('t', "c")]);
        check(
            "<!-->a<!--->b<!-- --!>c",
            &[
                ('!', "<!-->"),
                ('t', "a"),
                ('!', "<!--->"),
                ('t', "b"),
                ('!', "<!-- --!>"),
                ('t', "c"),
            ],
        );
        check("<!----->a", &[('!', "<!----->"), ('t', "a")]);
        check("<!DOCTYPE html>\n<!a>", &[('!', "<!DOCTYPE html>"), ('t', "\n"), ('!', "<!a>")]);
        check(
            "<![CDATA[a > b]]>c<![CDATA[d>e",
            &[('!', "<![CDATA[a > b]]>"), ('t', "c"), ('!', "<![CDATA[d>"), ('t', "e")],
        );
        check(
            "<?php if ($a->b) ?>c<?xml d?>e",
            &[('!', "<?php if ($a->b) ?>"), ('t', "c"), ('!', "<?xml d?>"), ('t', "e")],
        );
    }

    #[test]
    fn what_is_not_closed_goes_on_to_the_end() {
        for open in ["<a", "<a b", "<a b=", "<a b=\"c>", "</a", "<!-- a", "<!a", "<?a", "<?php >"] {
            check(&format!("x{open}"), &[('t', "x"), ('!', open)]);
        }
    }

    #[test]
    fn the_attribute_translate_is_read() {
        let read = |source: &str| match Tokens::of(source, 0).next() {
            Some(Token::Start(tag)) => tag.translate,
            other => panic!("{other:?}"),
        };
        for source in ["<p translate=no>", "<p a TRANSLATE = 'No'>", "<p translate=\"no\"/>"] {
            assert_eq!(read(source), Some(false), "{source}");
        }
        for source in ["<p translate>", "<p translate=''>", "<p translate=YES translate=no>"] {
            assert_eq!(read(source), Some(true), "{source}");
        }
        for source in ["<p>", "<p translate=maybe>", "<p translate=no/>", "<p a='translate=no'>"] {
            assert_eq!(read(source), None, "{source}");
        }
    }

    #[test]
    fn end_tags_are_found_in_text() {
        let mut tokens = Tokens::of("a </b </bc> </B > </b>", 0);
        assert_eq!(tokens.next_end("b"), Some(2));
        tokens.go_to(3);
        assert_eq!(tokens.next_end("b"), Some(12));
        assert_eq!(tokens.next_end("c"), None);
    }
}
