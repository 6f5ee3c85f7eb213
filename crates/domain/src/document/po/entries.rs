//! The entries of a catalog, and strings as gettext writes them.
//!
//! Start reading at [`entries`].

use std::ops::Range;

use crate::document::DocumentError;

/// A message and its translations.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub has_context: bool,
    pub id: Field,
    pub plural: Option<Field>,
    /// Its translations by their numbers, in the order of the file.
    pub strings: Vec<(usize, Field)>,
    has_id: bool,
}

/// A string.
#[derive(Debug, Default)]
pub(super) struct Field {
    /// From the first quotation mark to the last.
    pub range: Range<usize>,
    pub text: String,
    /// How many lines it is written on.
    pub lines: usize,
}

/// Reads the entries of `file` from `start` on, without those that are obsolete.
///
/// # Errors
///
/// If a line is neither a comment nor a string.
pub(super) fn entries(file: &str, start: usize) -> Result<Vec<Entry>, DocumentError> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut at = start;
    let mut is_inside = false;
    for (index, line) in file[start..].split_inclusive('\n').enumerate() {
        let begin = at;
        at += line.len();
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            is_inside = false;
            continue;
        }
        let read = read_line(&mut entries, file, begin..at, is_inside);
        read.map_err(|reason| DocumentError::Malformed {
            expected: "a gettext catalog (.po)",
            reason: format!("line {}: {reason}", index + 1),
        })?;
        is_inside = true;
    }
    Ok(entries)
}

fn read_line(
    entries: &mut Vec<Entry>,
    file: &str,
    line: Range<usize>,
    is_inside: bool,
) -> Result<(), &'static str> {
    let text = &file[line.clone()];
    let quote = text.find('"').ok_or("neither a comment nor a string")?;
    let quoted = text[quote..].trim_end();
    let range = line.start + quote..line.start + quote + quoted.len();
    let inner = quoted[1..].strip_suffix('"').ok_or("a string has no end")?;
    let text_of = unescape(inner)?;
    let field = Field { range: range.clone(), text: text_of, lines: 1 };
    let keyword = text[..quote].trim();

    let begins_entry = match (keyword, entries.last()) {
        ("msgctxt" | "msgid", None) => true,
        ("msgctxt", Some(entry)) => !entry.strings.is_empty(),
        ("msgid", Some(entry)) => entry.has_id,
        _ => false,
    };
    if begins_entry {
        entries.push(Entry::default());
    }
    let entry = entries.last_mut().ok_or("something else than msgid was expected")?;
    match keyword {
        "" if is_inside => {
            let last = entry.last();
            last.range.end = range.end;
            last.text.push_str(&field.text);
            last.lines += 1;
        }
        "" => return Err("a string without a keyword"),
        "msgctxt" if !entry.has_id => entry.has_context = true,
        "msgid" => {
            entry.id = field;
            entry.has_id = true;
        }
        "msgid_plural" if entry.has_id && entry.strings.is_empty() => entry.plural = Some(field),
        "msgstr" if entry.has_id && entry.strings.is_empty() => entry.strings.push((0, field)),
        _ => {
            let number = keyword.strip_prefix("msgstr[").and_then(|rest| rest.strip_suffix(']'));
            let number: usize =
                number.and_then(|it| it.parse().ok()).ok_or("a keyword that is not known")?;
            if !entry.has_id || number != entry.strings.len() {
                return Err("the forms of a plural are not in order");
            }
            entry.strings.push((number, field));
        }
    }
    Ok(())
}

impl Entry {
    // That of the line before. What belongs to a context is overwritten by the
    // message that follows; nobody reads it.
    fn last(&mut self) -> &mut Field {
        match (self.strings.last_mut(), self.plural.as_mut()) {
            (Some((_, field)), _) | (None, Some(field)) => field,
            (None, None) => &mut self.id,
        }
    }
}

fn unescape(inner: &str) -> Result<String, &'static str> {
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        if character == '"' {
            return Err("a quotation mark in a string");
        }
        if character != '\\' {
            text.push(character);
            continue;
        }
        let escaped = characters.next().ok_or("a string has no end")?;
        let known = ESCAPES.iter().find(|(name, _)| *name == escaped);
        text.push(known.ok_or("an escape that is not known")?.1);
    }
    Ok(text)
}

/// Writes what stands between the quotation marks.
pub(super) fn escape_into(written: &mut String, text: &str) {
    for character in text.chars() {
        if let Some((name, _)) = ESCAPES.iter().find(|(_, meant)| *meant == character) {
            written.push('\\');
            written.push(*name);
        } else if character != '\0' {
            written.push(character);
        }
    }
}

const ESCAPES: [(char, char); 9] = [
    ('"', '"'),
    ('\\', '\\'),
    ('n', '\n'),
    ('t', '\t'),
    ('r', '\r'),
    ('a', '\u{7}'),
    ('b', '\u{8}'),
    ('v', '\u{B}'),
    ('f', '\u{C}'),
];
