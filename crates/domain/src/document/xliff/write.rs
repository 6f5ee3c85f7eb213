//! Writing the file anew: splices in their places, and in them the content of
//! sources with translated blocks.
//!
//! Start reading at [`Writer::write`].

use std::ops::Range;

use super::units::{New, Splice};
use crate::document::draft::{Form, Segment};
use crate::document::xml;
use crate::language::LanguageCode;
use crate::text::{Block, Tag};

pub(super) struct Writer<'a> {
    file: &'a str,
    segments: &'a [Segment],
    translated: &'a [Block<'static>],
    written: String,
}

impl<'a> Writer<'a> {
    /// For a file with `segments`, each translated by the block in its place.
    pub(super) fn new(
        file: &'a str,
        segments: &'a [Segment],
        translated: &'a [Block<'static>],
    ) -> Self {
        let written = String::with_capacity(file.len() + file.len() / 2);
        Self { file, segments, translated, written }
    }

    /// The file with all `splices`.
    pub(super) fn write(mut self, splices: &[Splice], target: LanguageCode) -> String {
        let mut end = 0;
        for Splice { range, new } in splices {
            self.written.push_str(&self.file[end..range.start]);
            match new {
                New::Text(text) => self.written.push_str(text),
                New::TargetCode => self.written.push_str(target.as_str()),
                New::Content(content) => self.content(content.clone()),
            }
            end = range.end;
        }
        self.written.push_str(&self.file[end..]);
        self.written
    }

    // What stands at `range`, with the segments in it translated.
    fn content(&mut self, range: Range<usize>) {
        let mut end = range.start;
        let mut index = self.segments.partition_point(|segment| segment.range.start < end);
        while let Some(segment) = self.segments.get(index) {
            if range.end < segment.range.end {
                break;
            }
            self.written.push_str(&self.file[end..segment.range.start]);
            end = segment.range.end;
            match self.translated.get(index) {
                Some(block) => self.block(segment, block),
                None => self.written.push_str(&self.file[segment.range.clone()]),
            }
            // Segments within this one were written with its markup.
            let rest = &self.segments[index..];
            index += rest.partition_point(|segment| segment.range.start < end);
        }
        self.written.push_str(&self.file[end..range.end]);
    }

    fn block(&mut self, segment: &Segment, block: &Block<'_>) {
        let mut end = 0;
        for placed in &block.tags {
            self.text(&block.text[end..placed.at], segment.form);
            end = placed.at;
            let range = match placed.tag {
                Tag::Open(number) | Tag::Point(number) | Tag::Opaque(number) => {
                    segment.markup.get(number as usize).map(|markup| markup.open.clone())
                }
                Tag::Close(number) => {
                    segment.markup.get(number as usize).map(|markup| markup.close.clone())
                }
            };
            if let Some(range) = range {
                self.content(range);
            }
        }
        self.text(&block.text[end..], segment.form);
    }

    fn text(&mut self, text: &str, form: Form) {
        for character in text.chars().filter(|character| xml::is_legal(*character)) {
            match character {
                '\t' => self.written.push_str(form.tab),
                '\n' => self.written.push_str(form.line_end),
                // There is no other way to write the end of a section in one.
                '>' if form.is_section && self.written.ends_with("]]") => {
                    self.written.push_str("]]><![CDATA[>");
                }
                _ if form.is_section => self.written.push(character),
                '\r' => self.written.push_str("&#13;"),
                '&' => self.written.push_str("&amp;"),
                '<' => self.written.push_str("&lt;"),
                '>' => self.written.push_str("&gt;"),
                _ => self.written.push(character),
            }
        }
    }
}
