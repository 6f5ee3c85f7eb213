//! From tokens to passages: which elements are open, and what that means for
//! the text in them.
//!
//! No tree is made. An element is forgotten when it ends, and those in it that
//! have no end tags end with it.
//!
//! Start reading at [`read`].

use std::ops::Range;

use super::elements::{Bar, Element};
use super::passages::{Builder, Opened, Passages, Space};
use super::references::{Characters, reference};
use super::tokens::{TagToken, Token, Tokens, is_white};

/// Elements that are open at once; those in them change nothing.
const DEPTH_MAX: usize = 1 << 16;
/// How many open elements are looked at for the one that a tag ends.
const LOOKED_AT_MAX: usize = 256;

const BYTE_ORDER_MARK: &str = "\u{FEFF}";

/// What a source is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// A page: only what is in `html` is text, if there is an `html`.
    Page,
    /// A part of one: all of it is text.
    Snippet,
}

/// Reads the passages of `source`.
pub(super) fn read(source: &str, extent: Extent) -> Passages {
    let mark = if source.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let mut reader = Reader {
        source,
        tokens: Tokens::of(source, mark),
        builder: Builder::default(),
        elements: Vec::new(),
        place: if extent == Extent::Snippet { Place::Snippet } else { Place::Fragment },
    };
    while let Some(token) = reader.tokens.next() {
        match token {
            Token::Text(span) => reader.text(span),
            Token::Other(span) => reader.builder.point(span),
            Token::Start(tag) => reader.start(&tag),
            Token::End(tag) => reader.end(tag),
        }
    }
    reader.builder.finish()
}

struct Reader<'a> {
    source: &'a str,
    tokens: Tokens<'a>,
    builder: Builder,
    // The elements that are open, the innermost last.
    elements: Vec<OpenElement>,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// No `html` was seen so far.
    Fragment,
    Inside,
    /// After the end of `html`.
    Outside,
    Snippet,
}

#[derive(Clone, Copy)]
struct OpenElement {
    // Stands for the name. Two names with one number would end each other.
    name: u64,
    element: Element,
    is_translated: bool,
    space: Space,
    opened: Option<Opened>,
}

impl Reader<'_> {
    fn text(&mut self, span: Range<usize>) {
        if self.place == Place::Outside {
            return;
        }
        if !self.is_translated() {
            let is_blank = self.source[span.clone()].bytes().all(is_white);
            let add = if is_blank { Builder::point } else { Builder::opaque };
            add(&mut self.builder, span);
            return;
        }
        let (space, mut at) = (self.space(), span.start);
        while at < span.end {
            let rest = &self.source[at..span.end];
            let is_special = |byte: u8| byte == b'&' || is_white(byte);
            let plain = rest.bytes().position(is_special).unwrap_or(rest.len());
            if 0 < plain {
                self.builder.letters(&rest[..plain], at..at + plain);
                at += plain;
                continue;
            }
            let (Characters(first, second), bytes) = match reference(rest) {
                Some(reference) => reference,
                None => (Characters(char::from(rest.as_bytes()[0]), None), 1),
            };
            let span = at..at + bytes;
            at = span.end;
            if u8::try_from(first).is_ok_and(is_white) {
                self.builder.white(first, span, space);
                continue;
            }
            self.builder.letters(first.encode_utf8(&mut [0; 4]), span.clone());
            if let Some(second) = second {
                self.builder.letters(second.encode_utf8(&mut [0; 4]), span);
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "`is_block` lists them all")]
    fn start(&mut self, tag: &TagToken) {
        let element = Element::of(&self.source[tag.name.clone()]);
        let span = tag.span.clone();
        match element {
            Element::Break => self.line_break(span),
            Element::Void => self.builder.visible_point(span),
            Element::Rule => self.make_room(element),
            Element::Html => self.start_html(tag),
            Element::Body if self.is_open(Element::Body) => self.builder.end_passage(),
            Element::Plaintext => {
                self.builder.end_passage();
                self.tokens.go_to(self.source.len());
            }
            Element::Unread(name) => {
                let end = self.tokens.next_end(name).unwrap_or(self.source.len());
                self.tokens.go_to(end);
                self.tokens.next();
                self.builder.point(span.start..self.tokens.position());
            }
            Element::Foreign(name) => {
                self.pass(name, tag);
                self.builder.visible_point(span.start..self.tokens.position());
            }
            Element::Math => {
                self.pass("math", tag);
                self.builder.opaque(span.start..self.tokens.position());
            }
            Element::Noscript if self.is_open(Element::Head) => {
                self.pass("noscript", tag);
                self.builder.point(span.start..self.tokens.position());
            }
            _ if element.is_block() => {
                self.make_room(element);
                self.push(element, tag, None);
                if let Some(end) = self.content_end(element) {
                    let start = self.tokens.position();
                    self.tokens.go_to(end);
                    self.text(start..end);
                }
            }
            _ => {
                let opened = self.builder.open(span);
                self.push(element, tag, Some(opened));
            }
        }
    }

    fn line_break(&mut self, span: Range<usize>) {
        match self.space() {
            Space::Lines => self.builder.end_passage(),
            Space::Collapsed | Space::Kept => self.builder.line_break(span),
        }
    }

    fn start_html(&mut self, tag: &TagToken) {
        self.builder.end_passage();
        match self.place {
            // What was taken for text stands before the page.
            Place::Fragment => {
                self.builder.clear();
                self.elements.clear();
                self.push(Element::Html, tag, None);
                self.place = Place::Inside;
            }
            Place::Outside => self.place = Place::Inside,
            Place::Inside => (),
            Place::Snippet => self.push(Element::Html, tag, None),
        }
    }

    fn end(&mut self, tag: TagToken) {
        let element = Element::of(&self.source[tag.name.clone()]);
        if element == Element::Break {
            // So say browsers.
            self.line_break(tag.span);
            return;
        }
        if matches!(element, Element::Html | Element::Body) {
            self.builder.end_passage();
            if element == Element::Html && self.place == Place::Inside {
                self.place = Place::Outside;
            }
            return;
        }
        let found = self.find(&tag, element);
        if element.is_block() {
            self.builder.end_passage();
        } else if let Some(opened) = found.and_then(|index| self.elements[index].opened) {
            self.builder.close(opened, tag.span);
        } else {
            self.builder.point(tag.span);
        }
        self.elements.truncate(found.unwrap_or(self.elements.len()));
    }

    /// The open element that `tag` ends.
    fn find(&self, tag: &TagToken, element: Element) -> Option<usize> {
        let name = self.name(tag);
        for (index, open) in self.innermost() {
            if open.name == name {
                return Some(index);
            }
            if element.ending_in(open.element) == Bar::Stops {
                return None;
            }
        }
        None
    }

    /// Ends what an element of this kind ends by beginning.
    fn make_room(&mut self, element: Element) {
        self.builder.end_passage();
        let mut length = self.elements.len();
        for (index, open) in self.innermost() {
            match element.beginning_in(open.element) {
                Bar::Ends => length = index,
                Bar::Passes => (),
                Bar::Stops => break,
            }
        }
        self.elements.truncate(length);
    }

    fn push(&mut self, element: Element, tag: &TagToken, opened: Option<Opened>) {
        if DEPTH_MAX <= self.elements.len() {
            return;
        }
        let space = match (element, self.space()) {
            (Element::Preformatted | Element::Textarea, _) => Space::Lines,
            (Element::Code, Space::Collapsed) => Space::Kept,
            (_, space) => space,
        };
        let name = self.name(tag);
        let is_translated = tag.translate.unwrap_or_else(|| self.is_translated());
        self.elements.push(OpenElement { name, element, is_translated, space, opened });
    }

    /// Where the content of an element ends that has text and no tags in it.
    /// Without an end tag it is like any other.
    fn content_end(&mut self, element: Element) -> Option<usize> {
        let name = if element == Element::Title {
            "title"
        } else if element == Element::Textarea {
            "textarea"
        } else {
            return None;
        };
        self.tokens.next_end(name)
    }

    /// Passes over an element with all that is in it, or over its start tag if
    /// it has no end tag.
    fn pass(&mut self, name: &'static str, tag: &TagToken) {
        let is_drawing = matches!(name, "svg" | "math");
        if is_drawing && tag.is_self_closing || self.tokens.next_end(name).is_none() {
            return;
        }
        let mut depth = 1;
        while 0 < depth {
            match self.tokens.next() {
                None => return,
                Some(Token::Text(_) | Token::Other(_)) => (),
                Some(Token::End(tag)) => depth -= usize::from(self.is_called(&tag, name)),
                Some(Token::Start(tag)) if self.is_called(&tag, name) => {
                    depth += usize::from(!(is_drawing && tag.is_self_closing));
                }
                Some(Token::Start(tag)) if !is_drawing => {
                    if let Element::Unread(name) = Element::of(&self.source[tag.name]) {
                        let end = self.tokens.next_end(name).unwrap_or(self.source.len());
                        self.tokens.go_to(end);
                    }
                }
                Some(Token::Start(_)) => (),
            }
        }
    }

    fn is_called(&self, tag: &TagToken, name: &str) -> bool {
        self.source[tag.name.clone()].eq_ignore_ascii_case(name)
    }

    // FNV-1a of the name in lower case.
    fn name(&self, tag: &TagToken) -> u64 {
        let bytes = self.source[tag.name.clone()].bytes();
        bytes.fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01B3)
        })
    }

    fn innermost(&self) -> impl Iterator<Item = (usize, &OpenElement)> {
        self.elements.iter().enumerate().rev().take(LOOKED_AT_MAX)
    }

    fn is_open(&self, element: Element) -> bool {
        self.elements.iter().take(LOOKED_AT_MAX).any(|open| open.element == element)
    }

    fn is_translated(&self) -> bool {
        self.elements.last().is_none_or(|open| open.is_translated)
    }

    fn space(&self) -> Space {
        self.elements.last().map_or(Space::Collapsed, |open| open.space)
    }
}
