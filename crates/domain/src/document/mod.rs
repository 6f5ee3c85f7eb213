//! Documents: bytes taken apart into translatable segments, and put together again.
//!
//! One file per format. Everything that is not translatable text stays as it is.
//!
//! Start reading at [`Document::parse`].

mod plain;

pub use plain::PlainText;

use crate::job::{ContentType, DocumentFault};
use crate::language::LanguageCode;
use crate::text::Segments;

/// A document that was read and is within the limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// `text/plain`
    Plain(PlainText),
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
            ContentType::Html
            | ContentType::Docx
            | ContentType::Pptx
            | ContentType::Xlsx
            | ContentType::Xliff => Err(DocumentError::UnsupportedType(content_type)),
        }
    }

    /// The document as it was read, byte for byte.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Plain(document) => document.to_bytes(),
        }
    }

    /// How many characters are charged for.
    pub fn characters(&self) -> u64 {
        match self {
            Self::Plain(document) => document.characters(),
        }
    }

    /// The text to tell the language from, about as much as `bytes_max` and as
    /// much more as a character has.
    pub fn sample(&self, bytes_max: usize) -> &str {
        match self {
            Self::Plain(document) => document.sample(bytes_max),
        }
    }

    /// What is to be translated if the text is in `language` and the engine
    /// takes `segment_bytes_max` bytes at once. Empty if there is nothing.
    pub fn segments(&self, language: LanguageCode, segment_bytes_max: usize) -> Segments<'_> {
        match self {
            Self::Plain(document) => document.segments(language, segment_bytes_max),
        }
    }

    /// The document with `translation(i)` in the place of segment `i` of
    /// `segments`, which are [`Document::segments`] of this document.
    pub fn render<'t>(
        &self,
        segments: &Segments<'_>,
        translation: impl FnMut(usize) -> &'t str,
    ) -> Vec<u8> {
        match self {
            Self::Plain(document) => document.render(segments, translation),
        }
    }
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
        let refused = Document::parse(ContentType::Docx, Vec::new()).unwrap_err();
        let fault = DocumentFault::from(refused);
        assert_eq!(fault.code, FaultCode::InvalidRequest);
        assert_eq!(
            fault.message,
            "Documents of type application/vnd.openxmlformats-officedocument.wordprocessingml.document \
             are not supported by this server"
        );
    }
}
