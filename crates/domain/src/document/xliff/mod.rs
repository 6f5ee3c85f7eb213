//! XLIFF 1.2: each `source` is translated into the `target` beside it, by
//! splicing new text into the file. Whatever is no target stays byte for byte.
//!
//! A unit that is approved, signed off or not to be translated is left alone.
//!
//! Start reading at [`Xliff::parse`]; [`units`] finds what to translate,
//! [`content`] takes it apart.

mod content;
mod unit;
mod units;
mod write;

use self::units::{Splice, Units};
use self::write::Writer;
use super::draft::Segment;
use super::xml::XmlError;
use super::{DocumentError, characters_within_limits};
use crate::language::LanguageCode;
use crate::text::Block;

const EXPECTED: &str = "an XLIFF 1.2 document (.xlf)";

/// A file of translation units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Xliff {
    file: String,
    // Invariant: in order, and apart.
    splices: Vec<Splice>,
    // Invariant: in order; one is in another only where that one's markup is.
    segments: Vec<Segment>,
    language: Option<LanguageCode>,
    characters: u64,
}

impl Xliff {
    /// Reads an XLIFF 1.2 file of UTF-8.
    ///
    /// # Errors
    ///
    /// If it is not UTF-8, no XLIFF 1.2, has a document type declaration, or
    /// exceeds a limit.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, DocumentError> {
        // UTF-16 of plain letters is UTF-8 with a NUL in every other place.
        if bytes.iter().take(4).any(|byte| *byte == 0) {
            return Err(DocumentError::NotUtf8);
        }
        let file = String::from_utf8(bytes).map_err(|_| DocumentError::NotUtf8)?;
        let units = Units::read(&file).map_err(|err| match err {
            XmlError::NotUtf8 => DocumentError::NotUtf8,
            XmlError::Fault { at, reason } => malformed(&file, at, &reason),
        })?;
        let Units { splices, segments, language } = units;
        let mut xliff = Self { file, splices, segments, language, characters: 0 };
        xliff.characters = characters_within_limits(&xliff.blocks())?;
        Ok(xliff)
    }

    /// The file as it was read.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.file.as_bytes().to_vec()
    }

    /// The characters of the text to be translated, without markup.
    pub fn characters(&self) -> u64 {
        self.characters
    }

    /// The source language, if the units to be translated name one and no other.
    pub fn language(&self) -> Option<LanguageCode> {
        self.language
    }

    /// The text of the sources that are to be translated. Text in native code
    /// follows the block that the code stands in.
    pub(super) fn blocks(&self) -> Vec<Block<'_>> {
        let blocks = self.segments.iter().map(|segment| Block {
            text: segment.block.text.as_ref().into(),
            tags: segment.block.tags.clone(),
        });
        blocks.collect()
    }

    /// The file with its targets in `target`: one block for each of
    /// [`Self::blocks`]. Without any, it is the file as it was read.
    pub(super) fn render(
        &self,
        target: LanguageCode,
        translated: impl IntoIterator<Item = Block<'static>>,
    ) -> Vec<u8> {
        if self.segments.is_empty() {
            return self.to_bytes();
        }
        let translated: Vec<_> = translated.into_iter().collect();
        Writer::new(&self.file, &self.segments, &translated)
            .write(&self.splices, target)
            .into_bytes()
    }
}

fn malformed(file: &str, at: usize, reason: &str) -> DocumentError {
    let line = 1 + file.char_indices().filter(|(start, it)| *start < at && *it == '\n').count();
    DocumentError::Malformed { expected: EXPECTED, reason: format!("line {line}: {reason}") }
}

#[cfg(test)]
mod tests;
