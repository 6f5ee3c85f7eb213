//! Formats of files: how they are named, and how a file's is told.
//!
//! A file is believed to be what its name says; whether it is that, its parser
//! finds out.
//!
//! Start reading at [`Format::detect`].

use super::DocumentError;
use crate::job::ContentType;

/// A format that documents are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Plain text.
    Text,
    /// HTML.
    Html,
    /// Word.
    Docx,
    /// PowerPoint.
    Pptx,
    /// Excel.
    Xlsx,
    /// XLIFF 1.2.
    Xliff,
    /// SubRip subtitles.
    Srt,
    /// WebVTT subtitles.
    Vtt,
    /// A catalog of gettext.
    Po,
    /// A catalog of messages in JSON.
    Json,
}

struct Entry {
    format: Format,
    mime: &'static str,
    extensions: &'static [&'static str],
}

impl Format {
    /// The format of documents of a type that the API knows.
    pub fn from_content_type(content_type: ContentType) -> Self {
        match content_type {
            ContentType::Text => Self::Text,
            ContentType::Html => Self::Html,
            ContentType::Docx => Self::Docx,
            ContentType::Pptx => Self::Pptx,
            ContentType::Xlsx => Self::Xlsx,
            ContentType::Xliff => Self::Xliff,
        }
    }

    /// The format of that MIME type, compared exactly as the API does.
    pub fn from_mime(mime: &str) -> Option<Self> {
        FORMATS.iter().find(|entry| entry.mime == mime).map(|entry| entry.format)
    }

    /// The format of the file at `path` whose content is `bytes`: by its
    /// extension, or else by what it begins with.
    ///
    /// # Errors
    ///
    /// [`DocumentError::UnknownFormat`] if neither tells.
    pub fn detect(path: &str, bytes: &[u8]) -> Result<Self, DocumentError> {
        let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
        // A name that only begins with a dot has no extension.
        let named = file.rsplit_once('.').filter(|(stem, _)| !stem.is_empty());
        let extension = named.map(|(_, extension)| extension.to_ascii_lowercase());
        let by_name = extension.as_deref().and_then(|extension| {
            FORMATS.iter().find(|entry| entry.extensions.contains(&extension))
        });
        if let Some(entry) = by_name {
            return Ok(entry.format);
        }
        // What is called something else is not guessed at.
        if extension.is_none()
            && let Some(format) = by_content(bytes)
        {
            return Ok(format);
        }
        let known = FORMATS.iter().flat_map(|entry| entry.extensions);
        Err(DocumentError::UnknownFormat {
            extension: extension.map(|extension| extension.chars().take(20).collect()),
            known: known.map(|extension| format!(".{extension}")).collect::<Vec<_>>().join(", "),
        })
    }

    /// The MIME type.
    pub fn mime(self) -> &'static str {
        let entry = FORMATS.iter().find(|entry| entry.format == self);
        entry.expect("the table has all formats").mime
    }
}

fn by_content(bytes: &[u8]) -> Option<Format> {
    let start = bytes.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(bytes);
    let start = String::from_utf8_lossy(&start[..start.len().min(1_000)]);
    let start = start.trim_start().to_ascii_lowercase();
    if start.starts_with("webvtt") {
        return Some(Format::Vtt);
    }
    if start.starts_with("<!doctype html") || start.starts_with("<html") {
        return Some(Format::Html);
    }
    if start.starts_with('<') && start.contains("<xliff") {
        return Some(Format::Xliff);
    }
    None
}

const fn entry(format: Format, mime: &'static str, extensions: &'static [&'static str]) -> Entry {
    Entry { format, mime, extensions }
}

#[rustfmt::skip]
const FORMATS: &[Entry] = &[
    entry(Format::Text, "text/plain", &["txt", "text"]),
    entry(Format::Html, "text/html", &["html", "htm", "xhtml"]),
    entry(Format::Docx, "application/vnd.openxmlformats-officedocument.wordprocessingml.document", &["docx", "docm", "dotx", "dotm"]),
    entry(Format::Pptx, "application/vnd.openxmlformats-officedocument.presentationml.presentation", &["pptx", "pptm", "ppsx", "ppsm", "potx", "potm"]),
    entry(Format::Xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", &["xlsx", "xlsm", "xltx", "xltm"]),
    entry(Format::Xliff, "application/x-xliff+xml", &["xlf", "xliff"]),
    entry(Format::Srt, "application/x-subrip", &["srt"]),
    entry(Format::Vtt, "text/vtt", &["vtt"]),
    entry(Format::Po, "text/x-gettext-translation", &["po", "pot"]),
    entry(Format::Json, "application/json", &["json"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, bytes: &str, expected: Format) {
        assert_eq!(Format::detect(path, bytes.as_bytes()), Ok(expected), "{path}");
    }

    #[test]
    fn a_file_is_what_its_name_says() {
        check("a.txt", "<html>", Format::Text);
        check("a/b.c/d.HTM", "", Format::Html);
        check("a.docm", "", Format::Docx);
        check("a.de.xlf", "", Format::Xliff);
        check("a.srt", "", Format::Srt);
        check("messages.pot", "", Format::Po);
    }

    #[test]
    fn a_file_without_an_extension_is_what_it_begins_with() {
        check("a", "\u{FEFF}WEBVTT\n", Format::Vtt);
        check("a", "<!DOCTYPE html>", Format::Html);
        check("a.b/c", "<?xml version='1.0'?>\n<xliff version='1.2'>", Format::Xliff);
    }

    #[test]
    fn other_files_are_refused_by_name() {
        let refused = |path: &str| Format::detect(path, b"a").unwrap_err().to_string();
        let message = refused("a/b.PDF");
        assert!(message.starts_with("Files with the extension .pdf are not supported: "));
        assert!(message.ends_with(".xlf, .xliff, .srt, .vtt, .po, .pot, .json"));
        assert!(refused("a.b/c").starts_with("Files without an extension are not supported: "));
        assert!(refused("a/.txt").starts_with("Files without"));
    }

    #[test]
    fn formats_and_the_types_of_the_api_have_the_same_names() {
        for entry in FORMATS {
            assert_eq!(Format::from_mime(entry.mime), Some(entry.format));
            assert_eq!(entry.format.mime(), entry.mime);
            if let Some(content_type) = ContentType::from_name(entry.mime) {
                assert_eq!(Format::from_content_type(content_type), entry.format);
            }
        }
        assert_eq!(Format::from_mime("text/plain; charset=utf-8"), None);
    }
}
