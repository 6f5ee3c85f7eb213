//! Blocks: what formats make of a document, and translation makes anew.
//!
//! A block is a paragraph, a cell, a line: whole sentences, with inline tags
//! that stand at places in the text. What a tag is in its format (an element,
//! the properties of a run, a footnote mark) only the format knows; here it is
//! a number that must come back exactly once.

use std::borrow::Cow;

/// Running text with inline tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block<'a> {
    /// The text as a reader sees it, without markup. Line ends and tabs in it
    /// part sentences.
    pub text: Cow<'a, str>,
    /// The tags, in order. Every number is used for one thing; what is opened
    /// is closed in the same block, properly nested.
    pub tags: Vec<PlacedTag>,
}

/// A tag and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedTag {
    /// The byte of the text that it stands before; the length of the text at its end.
    pub at: usize,
    /// The tag.
    pub tag: Tag,
}

/// An inline tag. The numbers are the format's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tag {
    /// Something begins that belongs to words, such as bold text or a link.
    Open(u32),
    /// It ends.
    Close(u32),
    /// Something stands between words, such as a line break or a footnote mark.
    Point(u32),
    /// Something stands in the place of words that are not translated. To the
    /// sentence it is like a name; its text is not part of the block's.
    Opaque(u32),
}

impl<'a> From<&'a str> for Block<'a> {
    fn from(text: &'a str) -> Self {
        Self { text: Cow::Borrowed(text), tags: Vec::new() }
    }
}
