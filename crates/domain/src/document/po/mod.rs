//! Catalogs of gettext (.po, .pot): each `msgid` is translated into its `msgstr`
//! if that is empty. What was translated before, comments, flags and obsolete
//! entries stay byte for byte.
//!
//! A plural has as many forms as the header says: the first is translated from
//! `msgid`, the others from `msgid_plural`.
//!
//! Start reading at [`Po::parse`].

mod entries;

use std::ops::Range;

use self::entries::{Entry, Field, entries, escape_into};
use super::{DocumentError, characters_within_limits};
use crate::language::LanguageCode;
use crate::text::{Block, is_translatable};

const BYTE_ORDER_MARK: &str = "\u{FEFF}";
// No language has more than six.
const FORMS_MAX: usize = 16;

/// A catalog of gettext.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Po {
    file: String,
    line_end: &'static str,
    messages: Vec<Message>,
    // Invariant: in order, and apart.
    splices: Vec<Splice>,
    characters: u64,
}

/// Something to translate, and the white space around it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Message {
    before: String,
    text: String,
    behind: String,
    // Set on several lines.
    is_folded: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Splice {
    range: Range<usize>,
    new: New,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum New {
    Text(String),
    /// The code of the target language as gettext writes it.
    Language,
    /// The translation of the message of that number.
    Message(usize),
}

impl Po {
    /// Reads a catalog of UTF-8.
    ///
    /// # Errors
    ///
    /// If it is not UTF-8, no catalog, or exceeds a limit.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, DocumentError> {
        let file = String::from_utf8(bytes).map_err(|_| DocumentError::NotUtf8)?;
        let start = if file.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let entries = entries(&file, start)?;
        let line_end = if file.contains("\r\n") { "\r\n" } else { "\n" };
        let mut po =
            Self { file, line_end, messages: Vec::new(), splices: Vec::new(), characters: 0 };
        let mut forms = None;
        for entry in &entries {
            if entry.id.text.is_empty() && !entry.has_context {
                forms = po.header(entry)?;
            } else {
                po.entry(entry, forms);
            }
        }
        po.characters = characters_within_limits(&po.blocks())?;
        Ok(po)
    }

    /// The file as it was read.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.file.as_bytes().to_vec()
    }

    /// The characters of the messages to be translated.
    pub fn characters(&self) -> u64 {
        self.characters
    }

    /// The messages without a translation.
    pub(super) fn blocks(&self) -> Vec<Block<'_>> {
        self.messages.iter().map(|message| Block::from(message.text.as_str())).collect()
    }

    /// The catalog with its messages translated: one block for each of
    /// [`Self::blocks`]. Without any, it is the file as it was read.
    pub(super) fn render(
        &self,
        target: LanguageCode,
        translated: impl IntoIterator<Item = Block<'static>>,
    ) -> Vec<u8> {
        if self.messages.is_empty() {
            return self.to_bytes();
        }
        let translated: Vec<_> = translated.into_iter().collect();
        let mut rendered = String::with_capacity(self.file.len() + self.file.len() / 2);
        let mut end = 0;
        for Splice { range, new } in &self.splices {
            rendered.push_str(&self.file[end..range.start]);
            match new {
                New::Text(text) => rendered.push_str(text),
                New::Language => rendered.push_str(&target.as_str().replace('-', "_")),
                New::Message(index) => {
                    let message = &self.messages[*index];
                    let text = translated.get(*index).map_or("", |block| block.text.as_ref());
                    message.write(&mut rendered, text, self.line_end);
                }
            }
            end = range.end;
        }
        rendered.push_str(&self.file[end..]);
        rendered.into_bytes()
    }

    // Names the language and the encoding, and tells how many forms plurals have.
    fn header(&mut self, entry: &Entry) -> Result<Option<usize>, DocumentError> {
        let Some((_, field)) = entry.strings.first() else { return Ok(None) };
        let written = &self.file[field.range.clone()];
        let value = |name: &str| {
            let place = written.match_indices(name).map(|(place, _)| place).find(|place| {
                written[..*place].ends_with('"') || written[..*place].ends_with("\\n")
            })?;
            let start = place + name.len();
            let rest = &written[start..];
            let length = rest.find(['\\', '"']).unwrap_or(rest.len());
            Some(field.range.start + start..field.range.start + start + length)
        };
        let mut splices = Vec::new();
        if let Some(range) = value("Language:") {
            splices.push(Splice { range: range.clone(), new: New::Text(" ".to_owned()) });
            splices.push(Splice { range: range.end..range.end, new: New::Language });
        } else {
            let at = field.range.end..field.range.end;
            let line = format!("{}\"Language: ", self.line_end);
            splices.push(Splice { range: at.clone(), new: New::Text(line) });
            splices.push(Splice { range: at.clone(), new: New::Language });
            splices.push(Splice { range: at, new: New::Text("\\n\"".to_owned()) });
        }
        if let Some((_, charset)) = field.text.split_once("charset=") {
            let charset = charset.split(char::is_whitespace).next().unwrap_or_default();
            if charset == "CHARSET" {
                let at = field.range.start + written.find("charset=CHARSET").unwrap_or_default();
                let range = at + "charset=".len()..at + "charset=CHARSET".len();
                splices.push(Splice { range, new: New::Text("UTF-8".to_owned()) });
            } else if !["utf-8", "utf8", "us-ascii", "ascii"].contains(&&*charset.to_lowercase()) {
                return Err(DocumentError::NotUtf8);
            }
        }
        splices.sort_by_key(|splice| splice.range.start);
        self.splices.extend(splices);
        let forms = field.text.split_once("nplurals=").map(|(_, rest)| rest.trim_start());
        let forms = forms.and_then(|rest| rest.split(|it: char| !it.is_ascii_digit()).next());
        Ok(forms.and_then(|forms| forms.parse().ok()).filter(|forms| *forms <= FORMS_MAX))
    }

    fn entry(&mut self, entry: &Entry, forms: Option<usize>) {
        let Some((last, last_field)) = entry.strings.last() else { return };
        let behind = last_field.range.end;
        let forms = match entry.plural {
            Some(_) => forms.unwrap_or(0).max(last + 1),
            None => 1,
        };
        // The numbers of the messages, once they are needed.
        let mut first = None;
        let mut others = None;
        for form in 0..forms {
            let string = entry.strings.iter().find(|(number, _)| *number == form);
            if string.is_some_and(|(_, field)| !field.text.is_empty()) {
                continue;
            }
            let (source, message) = match &entry.plural {
                // The only form of a language is used for every number.
                Some(plural) if form != 0 || forms == 1 => (plural, &mut others),
                Some(_) | None => (&entry.id, &mut first),
            };
            if !is_translatable(&source.text) {
                continue;
            }
            let index = *message.get_or_insert(self.messages.len());
            if index == self.messages.len() {
                self.messages.push(Message::of(source));
            }
            let mut range = behind..behind;
            if let Some((_, field)) = string {
                range = field.range.clone();
            } else {
                let line = format!("{}msgstr[{form}] ", self.line_end);
                self.splices.push(Splice { range: range.clone(), new: New::Text(line) });
            }
            self.splices.push(Splice { range, new: New::Message(index) });
        }
    }
}

impl Message {
    fn of(source: &Field) -> Self {
        let behind = source.text.trim_start();
        let before = source.text[..source.text.len() - behind.len()].to_owned();
        let text = behind.trim_end().to_owned();
        let behind = behind[text.len()..].to_owned();
        Self { before, text, behind, is_folded: 1 < source.lines }
    }

    fn write(&self, written: &mut String, translation: &str, line_end: &str) {
        // Nothing is what has no translation.
        if translation.is_empty() {
            written.push_str("\"\"");
            return;
        }
        let text = [&self.before, translation, &self.behind].concat();
        if !self.is_folded {
            written.push('"');
            escape_into(written, &text);
            written.push('"');
            return;
        }
        written.push_str("\"\"");
        for line in text.split_inclusive('\n') {
            written.push_str(line_end);
            written.push('"');
            escape_into(written, line);
            written.push('"');
        }
    }
}

#[cfg(test)]
mod tests;
