//! Documents: bytes taken apart into translatable segments, and put together again.
//!
//! One room per format. A format makes blocks of text with inline tags, and
//! puts translated blocks in their places; everything else stays as it is. It
//! knows nothing of sentences and engines.
//!
//! Start reading at [`Document::parse`].

mod draft;
mod format;
mod html;
mod json;
mod office;
mod plain;
mod po;
mod subtitles;
mod xliff;
mod xml;

pub use format::Format;
pub use html::Html;
pub use json::Json;
pub use office::{Office, OfficeKind};
pub use plain::PlainText;
pub use po::Po;
pub use subtitles::{Kind as SubtitlesKind, Subtitles};
pub use xliff::Xliff;

use crate::job::{ContentType, DOCUMENT_CHARACTERS_MAX, DocumentFault, TRANSLATABLE_BYTES_MAX};
use crate::language::LanguageCode;
use crate::text::{Block, is_translatable};

/// A document that was read and is within the limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// `text/plain`
    Plain(PlainText),
    /// `text/html`
    Html(Html),
    /// `application/x-xliff+xml`
    Xliff(Xliff),
    /// `application/x-subrip` or `text/vtt`
    Subtitles(Subtitles),
    /// `application/json`
    Json(Json),
    /// `text/x-gettext-translation`
    Po(Po),
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
    /// A file whose format its name does not tell.
    #[error("Files {} are not supported: the known ones are {known}", Named(extension.as_deref()))]
    UnknownFormat {
        /// The extension of its name, in lower case and without the dot.
        extension: Option<String>,
        /// Those that are known.
        known: String,
    },
}

struct Named<'a>(Option<&'a str>);

impl std::fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(extension) => write!(f, "with the extension .{extension}"),
            None => f.write_str("without an extension"),
        }
    }
}

impl Document {
    /// Reads a document. Its size in bytes is for the caller to bound.
    ///
    /// # Errors
    ///
    /// If the document is not what `content_type` says or exceeds a limit.
    pub fn parse(content_type: ContentType, bytes: Vec<u8>) -> Result<Self, DocumentError> {
        Self::read(Format::from_content_type(content_type), bytes)
    }

    /// A text that somebody sends by itself: HTML if there is a tag in it.
    ///
    /// # Errors
    ///
    /// If it is no text.
    pub fn snippet(text: String) -> Result<Self, DocumentError> {
        match Html::parse_snippet(&text) {
            Some(html) => Ok(Self::Html(html)),
            None => PlainText::parse(text.into_bytes()).map(Self::Plain),
        }
    }

    /// Reads a document in a format that need not be one of the API's.
    ///
    /// # Errors
    ///
    /// Those of [`Document::parse`].
    pub fn read(format: Format, bytes: Vec<u8>) -> Result<Self, DocumentError> {
        match format {
            Format::Text => PlainText::parse(bytes).map(Self::Plain),
            Format::Html => Html::parse(bytes).map(Self::Html),
            Format::Docx => office(OfficeKind::Document, bytes),
            Format::Pptx => office(OfficeKind::Presentation, bytes),
            Format::Xlsx => office(OfficeKind::Workbook, bytes),
            Format::Xliff => Xliff::parse(bytes).map(Self::Xliff),
            Format::Srt => Subtitles::parse(SubtitlesKind::SubRip, bytes).map(Self::Subtitles),
            Format::Vtt => Subtitles::parse(SubtitlesKind::WebVtt, bytes).map(Self::Subtitles),
            Format::Json => Json::parse(bytes).map(Self::Json),
            Format::Po => Po::parse(bytes).map(Self::Po),
        }
    }

    /// The document as it was read, byte for byte.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Plain(document) => document.to_bytes(),
            Self::Html(document) => document.to_bytes(),
            Self::Xliff(document) => document.to_bytes(),
            Self::Subtitles(document) => document.to_bytes(),
            Self::Json(document) => document.to_bytes(),
            Self::Po(document) => document.to_bytes(),
            Self::Office(document) => document.to_bytes(),
        }
    }

    /// How many characters are charged for.
    pub fn characters(&self) -> u64 {
        match self {
            Self::Plain(document) => document.characters(),
            Self::Html(document) => document.characters(),
            Self::Xliff(document) => document.characters(),
            Self::Subtitles(document) => document.characters(),
            Self::Json(document) => document.characters(),
            Self::Po(document) => document.characters(),
            Self::Office(document) => document.characters(),
        }
    }

    /// The language that the document itself says it is in, if it does.
    pub fn language(&self) -> Option<LanguageCode> {
        match self {
            Self::Plain(_)
            | Self::Html(_)
            | Self::Subtitles(_)
            | Self::Json(_)
            | Self::Po(_)
            | Self::Office(_) => None,
            Self::Xliff(document) => document.language(),
        }
    }

    /// What is to be translated, in the order of reading. Blocks without
    /// anything translatable may be among them.
    pub fn blocks(&self) -> Vec<Block<'_>> {
        match self {
            Self::Plain(document) => document.blocks(),
            Self::Html(document) => document.blocks(),
            Self::Xliff(document) => document.blocks(),
            Self::Subtitles(document) => document.blocks(),
            Self::Json(document) => document.blocks(),
            Self::Po(document) => document.blocks(),
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
        target: LanguageCode,
        translated: impl IntoIterator<Item = Block<'static>>,
    ) -> Result<Vec<u8>, DocumentError> {
        match self {
            Self::Plain(document) => Ok(document.render(translated)),
            Self::Html(document) => Ok(document.render(translated)),
            Self::Xliff(document) => Ok(document.render(target, translated)),
            Self::Subtitles(document) => Ok(document.render(translated)),
            Self::Json(document) => Ok(document.render(translated)),
            Self::Po(document) => Ok(document.render(target, translated)),
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
    fn a_document_is_read_by_its_format() {
        let cue = "00:01.000 --> 00:02.000\na";
        let read = |format, text: &str| Document::read(format, text.as_bytes().to_vec());
        let rendered = |document: Document| {
            let translated = [Block::from("b")];
            String::from_utf8(document.render("de".parse().unwrap(), translated).unwrap()).unwrap()
        };
        let srt = read(Format::Srt, cue).unwrap();
        assert_eq!((srt.characters(), srt.language(), srt.blocks().len()), (1, None, 1));
        assert_eq!(srt.to_bytes(), cue.as_bytes());
        assert_eq!(rendered(srt), "00:01.000 --> 00:02.000\nb");
        assert!(rendered(read(Format::Vtt, &format!("WEBVTT\n\n{cue}")).unwrap()).ends_with("\nb"));
        assert_eq!(rendered(read(Format::Json, "[\"a\"]").unwrap()), "[\"b\"]");
        assert!(matches!(read(Format::Text, "a"), Ok(Document::Plain(_))));
    }

    #[test]
    fn what_cannot_be_read_is_its_owners_fault() {
        let refused = Document::parse(ContentType::Docx, Vec::new()).unwrap_err();
        let fault = DocumentFault::from(refused);
        assert_eq!(fault.code, FaultCode::InvalidRequest);
        assert_eq!(
            fault.message,
            "The document is not a Word document (.docx): it is no ZIP container, \
             or a damaged one"
        );
    }
}
