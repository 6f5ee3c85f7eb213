//! How a paragraph gets back into the source of its part: texts as runs, and edits
//! that may have others in them.
//!
//! Start reading at [`write_text`] and [`Edits`].

use super::dialect::Dialect;
use super::paragraph::{Format, Piece};
use crate::document::xml::{Splices, escape_into};

/// Appends `text` as a run, or as what else `format` says.
pub(super) fn write_text(
    source: &str,
    dialect: Dialect,
    new: &mut String,
    text: &str,
    format: &Format,
) {
    if text.is_empty() {
        return;
    }
    let prefix =
        |name: &Piece| source[name.clone()].split_once(':').map_or("", |(prefix, _)| prefix);
    if let Some((tag, _)) = &format.run {
        new.push_str(&source[tag.clone()]);
        new.push_str(&source[format.properties.clone().unwrap_or(0..0)]);
    }
    let written = dialect.write(text);
    let Some(name) = format.text.as_ref().or(format.run.as_ref().map(|(_, name)| name)) else {
        return escape_into(new, &written);
    };
    let prefix = prefix(name);
    let name = if prefix.is_empty() { "t".to_owned() } else { format!("{prefix}:t") };
    let is_blank = |character: char| character.is_ascii_whitespace();
    let needs_space = dialect.has_space_attribute()
        && (text.starts_with(is_blank)
            || text.ends_with(is_blank)
            || text.contains("  ")
            || text.contains('\n'));
    new.push('<');
    new.push_str(&name);
    new.push_str(if needs_space { " xml:space=\"preserve\">" } else { ">" });
    escape_into(new, &written);
    new.push_str("</");
    new.push_str(&name);
    new.push('>');
    if let Some((_, run)) = &format.run {
        new.push_str("</");
        new.push_str(&source[run.clone()]);
        new.push('>');
    }
}

/// Parts of the source with what takes their place, in order and apart.
pub(super) struct Edits<'a> {
    source: &'a str,
    list: Vec<(Piece, String)>,
}

impl<'a> Edits<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self { source, list: Vec::new() }
    }

    /// Puts `new` in the place of `range`, and of what was put in places in it.
    pub(super) fn replace(&mut self, range: Piece, new: String) {
        let before = self.list.partition_point(|(edited, _)| edited.start < range.start);
        self.list.truncate(before);
        self.list.push((range, new));
    }

    /// Appends the source of `range` with the edits that are in it.
    pub(super) fn copy(&self, range: Piece, new: &mut String) {
        let first = self.list.partition_point(|(edited, _)| edited.start < range.start);
        let mut end = range.start;
        for (edited, text) in &self.list[first..] {
            if range.end < edited.end {
                break;
            }
            new.push_str(&self.source[end..edited.start]);
            new.push_str(text);
            end = edited.end;
        }
        new.push_str(&self.source[end..range.end]);
    }

    /// The source with all edits; none if there are none.
    pub(super) fn finish(self) -> Option<String> {
        if self.list.is_empty() {
            return None;
        }
        let mut splices = Splices::new(self.source);
        for (range, new) in &self.list {
            splices.replace(range.clone(), new);
        }
        Some(splices.finish())
    }
}

/// Where the name of the element is whose tag begins at `tag`.
pub(super) fn name_in(source: &str, tag: &Piece) -> Piece {
    let start = tag.start + "<".len();
    let is_end = |character: char| matches!(character, ' ' | '\t' | '\r' | '\n' | '/' | '>');
    let length = source[start..tag.end].find(is_end).unwrap_or(tag.end - start);
    start..start + length
}
