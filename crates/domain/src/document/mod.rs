//! Documents: bytes taken apart into translatable segments, and put together again.
//!
//! One room per format. A format makes blocks of text with inline tags, and
//! puts translated blocks in their places; everything else stays as it is. It
//! knows nothing of sentences and engines.
//!
//! Start reading at [`Document::parse`].

mod office;
mod plain;
#[cfg_attr(not(test), expect(dead_code, reason = "for the formats that splice"))]
mod xml;

pub use office::{Office, OfficeKind};
pub use plain::PlainText;

use crate::job::{ContentType, DOCUMENT_CHARACTERS_MAX, DocumentFault, TRANSLATABLE_BYTES_MAX};
use crate::language::LanguageCode;
use crate::text::{Block, is_translatable};

/// A document that was read and is within the limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// `text/plain`
    Plain(PlainText),
    /// Word, PowerPoint or Excel.
    Office(Box<Office>),
}

/// Why a document cannot be translated as it is. The texts are the service's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The bytes are not UTF-8.
    #[error("Invalid utf-8 encoded texts detected")]
    NotUtf8,
    /// There is a NUL in it, so it is no text.
    #[error("Document contains a NUL character and is not text")]
    Nul,
    /// There is more of it than may be.
    #[error("Document exceeds the limit of 1000000 characters")]
    TooManyCharacters,
    /// There is more to translate in it than may be.
    #[error("Translatable text exceeds the limit of 1 MB")]
    TooMuchText,
    /// The bytes are not what they are said to be.
    #[error("The document is not {expected}: {reason}")]
    Malformed {
        /// What was expected, such as `a Word document (.docx)`.
        expected: &'static str,
        /// Why it is none, in words for its owner.
        reason: String,
    },
    /// It is encrypted.
    #[error("The document is protected by a password: remove the protection and try again")]
    Encrypted,
    /// It would take up more than may be.
    #[error("The document exceeds the limit of 200 MB when unpacked")]
    TooLargeUnpacked,
    /// Documents of this type cannot be read.
    #[error("Documents of type {} are not supported by this server", .0.as_str())]
    UnsupportedType(ContentType),
}

impl Document {
    /// Reads a document. Its size in bytes is for the caller to bound.
    ///
    /// # Errors
    ///
    /// If the document is not what `content_type` says or exceeds a limit.
    pub fn parse(content_type: ContentType, bytes: Vec<u8>) -> Result<Self, DocumentError> {
        match content_type {
            ContentType::Text => PlainText::parse(bytes).map(Self::Plain),
            ContentType::Docx => office(OfficeKind::Document, bytes),
            ContentType::Pptx => office(OfficeKind::Presentation, bytes),
            ContentType::Xlsx => office(OfficeKind::Workbook, bytes),
            ContentType::Html | ContentType::Xliff => {
                Err(DocumentError::UnsupportedType(content_type))
            }
        }
    }

    /// The document as it was read, byte for byte.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Plain(document) => document.to_bytes(),
            Self::Office(document) => document.to_bytes(),
        }
    }

    /// How many characters are charged for.
    pub fn characters(&self) -> u64 {
        match self {
            Self::Plain(document) => document.characters(),
            Self::Office(document) => document.characters(),
        }
    }

    /// The language that the document itself says it is in, if it does.
    pub fn language(&self) -> Option<LanguageCode> {
        match self {
            Self::Plain(_) | Self::Office(_) => None,
        }
    }

    /// What is to be translated, in the order of reading. Blocks without
    /// anything translatable may be among them.
    pub fn blocks(&self) -> Vec<Block<'_>> {
        match self {
            Self::Plain(document) => document.blocks(),
            Self::Office(document) => document.blocks(),
        }
    }

    /// The document in `target`, with a translated block in the place of each
    /// of [`Document::blocks`], in the same order: all tags of the block, each
    /// once and properly nested, at places in the new text.
    ///
    /// # Errors
    ///
    /// If the document turns out to be damaged only now.
    pub fn render(
        &self,
        _target: LanguageCode,
        translated: impl IntoIterator<Item = Block<'static>>,
    ) -> Result<Vec<u8>, DocumentError> {
        match self {
            Self::Plain(document) => Ok(document.render(translated)),
            Self::Office(document) => document.render(translated),
        }
    }
}

fn office(kind: OfficeKind, bytes: Vec<u8>) -> Result<Document, DocumentError> {
    Office::parse(kind, bytes).map(|document| Document::Office(Box::new(document)))
}

/// The characters of `blocks`, if they are within the limits.
pub(crate) fn characters_within_limits(blocks: &[Block<'_>]) -> Result<u64, DocumentError> {
    let characters = blocks.iter().map(|block| block.text.chars().count() as u64).sum();
    if DOCUMENT_CHARACTERS_MAX < characters {
        return Err(DocumentError::TooManyCharacters);
    }
    let translatable = blocks.iter().filter(|block| is_translatable(&block.text));
    if TRANSLATABLE_BYTES_MAX < translatable.map(|block| block.text.len() as u64).sum() {
        return Err(DocumentError::TooMuchText);
    }
    Ok(characters)
}

impl From<DocumentError> for DocumentFault {
    fn from(err: DocumentError) -> Self {
        Self::invalid(err.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::FaultCode;

    #[test]
    fn what_cannot_be_read_is_its_owners_fault() {
        let refused = Document::parse(ContentType::Xliff, Vec::new()).unwrap_err();
        let fault = DocumentFault::from(refused);
        assert_eq!(fault.code, FaultCode::InvalidRequest);
        assert_eq!(
            fault.message,
            "Documents of type application/x-xliff+xml are not supported by this server"
        );
    }
}
