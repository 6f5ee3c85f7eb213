//! Office files: Word documents, PowerPoint presentations, Excel workbooks.
//!
//! All three are ZIP containers of XML parts. Paragraphs become blocks; what is
//! no text in them, and every part without any, stays byte for byte.
//!
//! Start reading at [`Office::parse`].

mod dialect;
mod package;
mod paragraph;
mod parts;
mod placing;
mod scan;
#[cfg(test)]
mod tests;
mod workbook;
mod writing;

use std::ops::Range;

pub use self::parts::OfficeKind;

use self::dialect::Dialect;
use self::package::{Package, PackageError};
use self::parts::{Part, PartKind};
use self::scan::{Scanner, Task};
use self::workbook::Headers;
use super::xml::XmlError;
use super::{DocumentError, characters_within_limits};
use crate::text::Block;

/// An office file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Office {
    kind: OfficeKind,
    package: Package,
    headers: Headers,
    /// The parts with something to translate, and which of the blocks are theirs.
    parts: Vec<(Part, Range<usize>)>,
    // Invariant: within the limits.
    blocks: Vec<Block<'static>>,
    characters: u64,
}

impl Office {
    /// Reads an office file of that kind.
    ///
    /// # Errors
    ///
    /// If it is another file, damaged, encrypted or exceeds a limit.
    pub fn parse(kind: OfficeKind, bytes: Vec<u8>) -> Result<Self, DocumentError> {
        let malformed = |err: PackageError| err.into_error(kind.expected());
        let package = Package::open(bytes).map_err(malformed)?;
        let found = parts::translated_parts(&package, kind).map_err(malformed)?;
        let headers = Headers::of(&package, &found).map_err(malformed)?;
        let mut parts = Vec::new();
        let mut blocks = Vec::new();
        let mut characters = 0;
        for part in found {
            let content = package.read(part.entry).map_err(malformed)?;
            let read = read_part(&content, &part, &headers).map_err(|err| xml_error(&err, kind))?;
            if read.is_empty() && !headers.are_split_on(part.entry) {
                continue;
            }
            let start = blocks.len();
            blocks.extend(read);
            parts.push((part, start..blocks.len()));
            // After each part, so that a bomb of text does not become large.
            characters = characters_within_limits(&blocks)?;
        }
        Ok(Self { kind, package, headers, parts, blocks, characters })
    }

    /// Which kind of office file it is.
    pub fn kind(&self) -> OfficeKind {
        self.kind
    }

    /// The file as it was read.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.package.bytes().to_vec()
    }

    /// The characters of its blocks.
    pub fn characters(&self) -> u64 {
        self.characters
    }

    /// Its paragraphs that have something to translate in them.
    pub(super) fn blocks(&self) -> Vec<Block<'_>> {
        let borrowed = |block: &'_ Block<'static>| Block {
            text: block.text.clone(),
            tags: block.tags.clone(),
        };
        self.blocks.iter().map(borrowed).collect()
    }

    /// The file with its paragraphs translated: one block for each of [`Self::blocks`].
    pub(super) fn render(
        &self,
        translated: impl IntoIterator<Item = Block<'static>>,
    ) -> Result<Vec<u8>, DocumentError> {
        let translated: Vec<Block<'static>> = translated.into_iter().collect();
        let malformed = |err: PackageError| err.into_error(self.kind.expected());
        let strings = self.strings_to_split(&translated).map_err(malformed)?;
        let part_of = |entry: usize| self.parts.iter().find(|(part, _)| part.entry == entry);
        let rewritten = self.package.rewrite(
            |entry| part_of(entry).is_some(),
            |entry, content| {
                let Some((part, range)) = part_of(entry) else {
                    return Ok(None);
                };
                let blocks = translated.get(range.clone()).unwrap_or_default();
                let task = Task::Write(blocks.iter());
                let scanner = scan(content, part, task, &self.headers, strings);
                let edits = scanner.map_err(|err| PackageError::damaged(err.to_string()))?.edits;
                Ok(edits.finish().map(String::into_bytes))
            },
        );
        rewritten.map_err(malformed)
    }

    /// How many shared strings there are, if any of them is to be another now.
    fn strings_to_split(
        &self,
        translated: &[Block<'static>],
    ) -> Result<Option<usize>, PackageError> {
        let strings = self.parts.iter().find(|(part, _)| part.kind == PartKind::SharedStrings);
        let Some((part, range)) = strings else {
            return Ok(None);
        };
        if translated.get(range.clone()) == self.blocks.get(range.clone()) {
            return Ok(None);
        }
        let content = self.package.read(part.entry)?;
        let counted = workbook::count_strings(&content);
        counted.map(Some).map_err(|err| PackageError::damaged(err.to_string()))
    }
}

fn read_part(
    content: &[u8],
    part: &Part,
    headers: &Headers,
) -> Result<Vec<Block<'static>>, XmlError> {
    let task = Task::Read { blocks: Vec::new(), characters: 0 };
    match scan(content, part, task, headers, None)?.task {
        Task::Read { blocks, .. } => Ok(blocks),
        Task::Skip | Task::Write(_) => Ok(Vec::new()),
    }
}

/// Goes through a part. If shared strings are to be split, `strings` is how many
/// there are.
fn scan<'a, 't>(
    content: &'a [u8],
    part: &Part,
    task: Task<'t>,
    headers: &Headers,
    strings: Option<usize>,
) -> Result<Scanner<'a, 't>, XmlError> {
    let mut scanner = Scanner::new(content, Dialect::of(part.kind), task)?;
    match part.kind {
        PartKind::SharedStrings => headers.scan_strings(&mut scanner, strings.is_some())?,
        PartKind::Sheet => headers.scan_sheet(&mut scanner, part.entry, strings)?,
        PartKind::Word | PartKind::SheetComments | PartKind::Drawing | PartKind::PlainComments => {
            scanner.paragraphs()?;
        }
    }
    Ok(scanner)
}

fn xml_error(err: &XmlError, kind: OfficeKind) -> DocumentError {
    match err {
        XmlError::NotUtf8 => DocumentError::NotUtf8,
        XmlError::Fault { .. } => {
            PackageError::damaged(err.to_string()).into_error(kind.expected())
        }
    }
}
