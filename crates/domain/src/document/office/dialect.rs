//! What the elements of an office file are to a paragraph: in WordprocessingML,
//! in DrawingML, in the strings of SpreadsheetML and in plain comments.
//!
//! Only tables of names, and how text is written. Start reading at [`Dialect::role`].

use std::borrow::Cow;
use std::fmt::Write as _;

use super::parts::PartKind;
use crate::document::xml::{Name, is_legal};

/// A vocabulary for paragraphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Word,
    Drawing,
    /// Strings of a workbook: shared, in cells and in comments.
    Strings,
    Plain,
}

/// Where an element stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Outside of paragraphs, or in something in a paragraph that is none of its runs.
    Outside,
    Paragraph,
    Run,
}

/// What an element is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A paragraph.
    Block,
    /// Text of one formatting.
    Run,
    /// Something around runs, such as a link.
    Wrapper,
    /// The element of a wrapper that the runs are really in.
    Inner,
    /// What a wrapper says about itself before the runs.
    Head,
    /// The start or the end of a range that need not nest with anything.
    RangeStart,
    RangeEnd,
    /// The formatting of a run.
    Properties,
    Text,
    /// A hyphen at which no line is broken.
    Hyphen,
    /// The start, the middle or the end of a field.
    Field,
    /// Stands for words.
    Opaque,
    /// Of no use in a new text: marks of the proof reader, places where pages
    /// were broken, readings of the old text.
    Dropped,
    /// Stays as it is.
    Kept,
}

impl Dialect {
    pub(super) fn of(kind: PartKind) -> Self {
        match kind {
            PartKind::Word => Self::Word,
            PartKind::Drawing => Self::Drawing,
            PartKind::SharedStrings | PartKind::Sheet | PartKind::SheetComments => Self::Strings,
            PartKind::PlainComments => Self::Plain,
        }
    }

    pub(super) fn role(self, place: Place, name: Name<'_>) -> Role {
        match self {
            Self::Word if is_word(name.uri) => word_role(place, name.local),
            Self::Word if is_math(name) => Role::Opaque,
            Self::Drawing if is_drawing(name.uri) => drawing_role(place, name.local),
            Self::Drawing if is_math(name) => Role::Opaque,
            Self::Strings if is_sheet(name.uri) => string_role(place, name.local),
            Self::Plain if place == Place::Outside && is_plain_comment(name) => Role::Block,
            Self::Word | Self::Drawing | Self::Strings | Self::Plain => Role::Kept,
        }
    }

    /// Whether something in the formatting of a run makes no difference to a reader.
    pub(super) fn is_ignored(self, local: &str) -> bool {
        match self {
            Self::Word => matches!(local, "lang" | "noProof"),
            Self::Drawing => {
                matches!(local, "lang" | "altLang" | "dirty" | "err" | "smtClean" | "noProof")
            }
            Self::Strings | Self::Plain => false,
        }
    }

    /// Whether `xml:space` decides about the white space around a text.
    pub(super) fn has_space_attribute(self) -> bool {
        matches!(self, Self::Word | Self::Strings)
    }

    /// What a reader sees of a text that stands in the file like that.
    pub(super) fn read(self, text: String, is_preserved: bool) -> String {
        match self {
            // Line ends and tabs have elements of their own; here they are blanks.
            Self::Word => {
                let blank = text.replace(['\n', '\r', '\t'], " ");
                if is_preserved { blank } else { blank.trim_matches(' ').to_owned() }
            }
            Self::Strings => decoded(&text).into_owned(),
            Self::Drawing | Self::Plain => text,
        }
    }

    /// What stands in the file for a text that a reader is to see.
    pub(super) fn write(self, text: &str) -> Cow<'_, str> {
        if self == Self::Strings { encoded(text) } else { Cow::Borrowed(text) }
    }
}

fn word_role(place: Place, local: &str) -> Role {
    match (place, local) {
        (Place::Outside, "p") => Role::Block,
        (Place::Paragraph, "r") => Role::Run,
        (
            Place::Paragraph,
            "hyperlink" | "ins" | "moveTo" | "smartTag" | "sdt" | "fldSimple" | "customXml" | "dir"
            | "bdo",
        ) => Role::Wrapper,
        (Place::Paragraph, "sdtContent") => Role::Inner,
        (Place::Paragraph, "sdtPr" | "sdtEndPr" | "smartTagPr" | "customXmlPr" | "fldData") => {
            Role::Head
        }
        (Place::Paragraph, "proofErr") => Role::Dropped,
        (Place::Paragraph, "bookmarkStart" | "permStart") => Role::RangeStart,
        (Place::Paragraph, "bookmarkEnd" | "permEnd") => Role::RangeEnd,
        (Place::Paragraph, _) if local.ends_with("RangeStart") => Role::RangeStart,
        (Place::Paragraph, _) if local.ends_with("RangeEnd") => Role::RangeEnd,
        (Place::Run, "rPr") => Role::Properties,
        (Place::Run, "t") => Role::Text,
        (Place::Run, "noBreakHyphen") => Role::Hyphen,
        (Place::Run, "softHyphen" | "lastRenderedPageBreak") => Role::Dropped,
        (Place::Run, "fldChar") => Role::Field,
        (Place::Run, "ruby") => Role::Opaque,
        (Place::Outside | Place::Paragraph | Place::Run, _) => Role::Kept,
    }
}

fn drawing_role(place: Place, local: &str) -> Role {
    match (place, local) {
        (Place::Outside, "p") => Role::Block,
        (Place::Paragraph, "r") => Role::Run,
        // The number of the slide, the date: computed anew when it is shown.
        (Place::Paragraph, "fld") => Role::Opaque,
        (Place::Run, "rPr") => Role::Properties,
        (Place::Run, "t") => Role::Text,
        (Place::Outside | Place::Paragraph | Place::Run, _) => Role::Kept,
    }
}

fn string_role(place: Place, local: &str) -> Role {
    match (place, local) {
        (Place::Outside, "si" | "is" | "text") => Role::Block,
        (Place::Paragraph, "r") => Role::Run,
        (Place::Paragraph | Place::Run, "t") => Role::Text,
        (Place::Paragraph, "rPh" | "phoneticPr") => Role::Dropped,
        (Place::Run, "rPr") => Role::Properties,
        (Place::Outside | Place::Paragraph | Place::Run, _) => Role::Kept,
    }
}

// Each vocabulary has two namespaces: that of ECMA 376, which everybody writes,
// and that of ISO 29500 Strict.

fn is_word(uri: &str) -> bool {
    matches!(
        uri,
        "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
            | "http://purl.oclc.org/ooxml/wordprocessingml/main"
    )
}

fn is_drawing(uri: &str) -> bool {
    matches!(
        uri,
        "http://schemas.openxmlformats.org/drawingml/2006/main"
            | "http://purl.oclc.org/ooxml/drawingml/main"
    )
}

pub(super) fn is_sheet(uri: &str) -> bool {
    matches!(
        uri,
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
            | "http://purl.oclc.org/ooxml/spreadsheetml/main"
    )
}

fn is_math(name: Name<'_>) -> bool {
    let is_word_math = matches!(name.local, "oMath" | "oMathPara")
        && matches!(
            name.uri,
            "http://schemas.openxmlformats.org/officeDocument/2006/math"
                | "http://purl.oclc.org/ooxml/officeDocument/math"
        );
    is_word_math || name.is("http://schemas.microsoft.com/office/drawing/2010/main", "m")
}

fn is_plain_comment(name: Name<'_>) -> bool {
    let is_presentation = matches!(
        name.uri,
        "http://schemas.openxmlformats.org/presentationml/2006/main"
            | "http://purl.oclc.org/ooxml/presentationml/main"
            | "http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments"
    );
    name.local == "text" && is_presentation
}

/// Strings of a workbook hold characters that XML cannot hold as `_x` and four
/// digits, and what looks like that with its first line escaped.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains("_x") {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("_x") {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        let character = escaped(rest);
        decoded.push(character.unwrap_or('_'));
        rest = &rest[if character.is_some() { ESCAPE_BYTES } else { 1 }..];
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

const ESCAPE_BYTES: usize = "_x0000_".len();

fn escaped(text: &str) -> Option<char> {
    let digits = text.get(..ESCAPE_BYTES)?.strip_prefix("_x")?.strip_suffix('_')?;
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| u32::from_str_radix(digits, 16).ok()).flatten().and_then(char::from_u32)
}

fn encoded(text: &str) -> Cow<'_, str> {
    let is_plain = |character: char| is_legal(character) && character != '\r';
    if text.chars().all(is_plain) && !text.contains("_x") {
        return Cow::Borrowed(text);
    }
    let mut encoded = String::with_capacity(text.len() + ESCAPE_BYTES);
    for (at, character) in text.char_indices() {
        if character == '_' && escaped(&text[at..]).is_some() {
            encoded.push_str("_x005F_");
        } else if is_plain(character) {
            encoded.push(character);
        } else {
            let _ = write!(encoded, "_x{:04X}_", u32::from(character));
        }
    }
    Cow::Owned(encoded)
}
