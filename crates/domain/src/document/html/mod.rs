//! `text/html`: the text of a page is replaced in its source, so that all
//! markup stays as it is, byte for byte.
//!
//! The source is read as browsers read it, and nothing in it is an error.
//! No tree is made of it: tags that have no partner need none.
//!
//! Start reading at [`Html::parse`].

mod elements;
mod passages;
mod reader;
mod references;
mod tokens;
mod writing;

use std::ops::Range;

use self::passages::{Mark, Passage, Passages};
use self::reader::{Extent, read};
use self::tokens::{Token, Tokens};
use self::writing::Spellings;
use super::{DocumentError, characters_within_limits};
use crate::text::{Block, Tag};

/// A page, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Html {
    source: String,
    passages: Passages,
    characters: u64,
    references: References,
}

/// How characters are written in what is translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum References {
    /// As themselves, where that is possible.
    Few,
    /// As the source writes them.
    Kept,
}

impl Html {
    /// Reads a page of UTF-8. Whatever it says of its encoding, it is that.
    ///
    /// # Errors
    ///
    /// If it is not UTF-8 or exceeds a limit.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, DocumentError> {
        let source = String::from_utf8(bytes).map_err(|_| DocumentError::NotUtf8)?;
        let mut html = Self::of(source, Extent::Page, References::Few);
        html.characters = characters_within_limits(&html.blocks())?;
        Ok(html)
    }

    /// Takes a short text for HTML, if there is at least one tag in it. Its size
    /// is for the caller to bound.
    pub fn parse_snippet(text: &str) -> Option<Self> {
        if !has_tag(text) {
            return None;
        }
        let mut html = Self::of(text.to_owned(), Extent::Snippet, References::Kept);
        html.characters = html.passages.text.chars().count() as u64;
        Some(html)
    }

    fn of(source: String, extent: Extent, references: References) -> Self {
        let passages = read(&source, extent);
        Self { source, passages, characters: 0, references }
    }

    /// The page as it was read.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.source.as_bytes().to_vec()
    }

    /// The characters that are translated, without markup.
    pub fn characters(&self) -> u64 {
        self.characters
    }

    /// The sentences, each with something to translate.
    pub fn blocks(&self) -> Vec<Block<'_>> {
        self.passages.list.iter().map(|passage| self.block(passage)).collect()
    }

    fn block(&self, passage: &Passage) -> Block<'_> {
        let Passages { text, tags, .. } = &self.passages;
        Block { text: text[passage.text.clone()].into(), tags: tags[passage.tags.clone()].to_vec() }
    }

    /// The page with one translated block for each of [`Self::blocks`].
    pub fn render(&self, translated: impl IntoIterator<Item = Block<'static>>) -> Vec<u8> {
        let mut html = String::with_capacity(self.source.len() + self.source.len() / 4);
        let mut end = 0;
        for (passage, translation) in self.passages.list.iter().zip(translated) {
            html.push_str(&self.source[end..passage.source.start]);
            if self.is_unchanged(passage, &translation) {
                html.push_str(&self.source[passage.source.clone()]);
            } else {
                self.render_passage(passage, &translation, &mut html);
            }
            end = passage.source.end;
        }
        html.push_str(&self.source[end..]);
        html.into_bytes()
    }

    fn is_unchanged(&self, passage: &Passage, translation: &Block<'_>) -> bool {
        let Passages { text, tags, .. } = &self.passages;
        text[passage.text.clone()] == translation.text
            && tags[passage.tags.clone()] == translation.tags
    }

    fn render_passage(&self, passage: &Passage, translation: &Block<'_>, html: &mut String) {
        let marks = &self.passages.marks[passage.marks.clone()];
        let mut writer = Writer { html, is_blank_left_out: false, spellings: None };
        if self.references == References::Kept {
            writer.spellings = Some(self.spellings(passage));
        }
        let text = &*translation.text;
        let mut start = 0;
        for placed in &translation.tags {
            // Places that are none would be a mistake, but not one to end with.
            let at = text.floor_char_boundary(placed.at).max(start);
            writer.text(&text[start..at]);
            start = at;
            let (number, is_end) = match placed.tag {
                Tag::Open(number) | Tag::Point(number) | Tag::Opaque(number) => (number, false),
                Tag::Close(number) => (number, true),
            };
            let Some(mark) = marks.get(number as usize) else { continue };
            let span = if is_end { mark.end.clone() } else { Some(mark.span.clone()) };
            writer.markup(&self.source[span.unwrap_or_default()], mark);
        }
        writer.text(&text[start..]);
    }

    /// How the text of a passage is written in the source.
    fn spellings(&self, passage: &Passage) -> Spellings<'_> {
        let marks = &self.passages.marks[passage.marks.clone()];
        let mut spans: Vec<Range<usize>> = marks
            .iter()
            .flat_map(|mark| [Some(mark.span.clone()), mark.end.clone()])
            .flatten()
            .collect();
        spans.sort_unstable_by_key(|span| span.start);
        spans.push(passage.source.end..passage.source.end);
        let mut spellings = Spellings::default();
        let mut start = passage.source.start;
        for span in spans {
            spellings.add(&self.source[start..span.start]);
            start = span.end;
        }
        spellings
    }
}

struct Writer<'h, 's> {
    html: &'h mut String,
    // Whether the next blank is not from the source.
    is_blank_left_out: bool,
    spellings: Option<Spellings<'s>>,
}

impl Writer<'_, '_> {
    fn text(&mut self, mut text: &str) {
        if text.is_empty() {
            return;
        }
        if self.is_blank_left_out {
            text = text.strip_prefix(' ').unwrap_or(text);
        }
        self.is_blank_left_out = false;
        match &mut self.spellings {
            Some(spellings) => spellings.write(text, self.html),
            None => writing::write(text, self.html),
        }
    }

    fn markup(&mut self, markup: &str, mark: &Mark) {
        self.html.push_str(markup);
        self.is_blank_left_out |= mark.is_blank;
    }
}

/// Whether there is a whole tag in `text` whose name could be one.
fn has_tag(text: &str) -> bool {
    let mut tokens = Tokens::of(text, 0);
    while let Some(token) = tokens.next() {
        if let Token::Start(tag) | Token::End(tag) = token {
            let name = &text[tag.name];
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
            // `<https://example.com>` is an address.
            if name.bytes().all(is_name) && !name.ends_with(':') {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests;
