//! Subtitles, SubRip (.srt) and WebVTT (.vtt): the text of each cue is translated
//! and set on as many lines as before. Times, numbers, notes and styles stay.
//!
//! The lines of a cue are one block, but for a dialog, where each speaker's are.
//!
//! Start reading at [`Subtitles::parse`]; [`cues`] finds the lines, [`markup`]
//! reads them, [`lines`] sets new ones.

mod cues;
mod lines;
mod markup;

use self::cues::groups;
use self::markup::Passage;
use super::{DocumentError, characters_within_limits};
use crate::text::{Block, Tag};

/// A file of subtitles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subtitles {
    kind: Kind,
    file: String,
    // Invariant: in order, and apart.
    passages: Vec<Passage>,
    characters: u64,
}

/// How subtitles are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SubRip: cues with numbers, and text that is written as it is.
    SubRip,
    /// WebVTT: notes and styles between cues, and text with references.
    WebVtt,
}

impl Subtitles {
    /// Reads subtitles of UTF-8.
    ///
    /// # Errors
    ///
    /// If they are not UTF-8, not of that kind, or exceed a limit.
    pub fn parse(kind: Kind, bytes: Vec<u8>) -> Result<Self, DocumentError> {
        let file = String::from_utf8(bytes).map_err(|_| DocumentError::NotUtf8)?;
        if file.contains('\0') {
            return Err(DocumentError::Nul);
        }
        let passages = groups(kind, &file)?
            .iter()
            .flat_map(|lines| Passage::all(kind, &file, lines))
            .collect();
        let mut subtitles = Self { kind, file, passages, characters: 0 };
        subtitles.characters = characters_within_limits(&subtitles.blocks())?;
        Ok(subtitles)
    }

    /// The file as it was read.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.file.as_bytes().to_vec()
    }

    /// The characters of the text to be translated, without markup.
    pub fn characters(&self) -> u64 {
        self.characters
    }

    /// The text of the cues that have something to translate.
    pub(super) fn blocks(&self) -> Vec<Block<'_>> {
        let blocks = self.passages.iter().map(|passage| Block {
            text: passage.segment.block.text.as_ref().into(),
            tags: passage.segment.block.tags.clone(),
        });
        blocks.collect()
    }

    /// The file with its cues translated: one block for each of [`Self::blocks`].
    pub(super) fn render(&self, translated: impl IntoIterator<Item = Block<'static>>) -> Vec<u8> {
        let mut rendered = String::with_capacity(self.file.len() + self.file.len() / 4);
        let mut end = 0;
        for (passage, block) in self.passages.iter().zip(translated) {
            let range = &passage.segment.range;
            rendered.push_str(&self.file[end..range.start]);
            self.passage(&mut rendered, passage, &block);
            end = range.end;
        }
        rendered.push_str(&self.file[end..]);
        rendered.into_bytes()
    }

    fn passage(&self, rendered: &mut String, passage: &Passage, block: &Block<'_>) {
        // A line end would end the line, and two of them the cue.
        let text = block.text.replace(['\n', '\r', '\0'], " ");
        let breaks = lines::breaks(&text, passage.lines);
        let mut breaks = breaks.iter().peekable();
        let mut tags = block.tags.iter().peekable();
        let mut end = 0;
        loop {
            let tag = tags.peek().map_or(text.len(), |placed| placed.at);
            let space = breaks.peek().map_or(text.len(), |space| space.start);
            // What closes stands before a line end, and what opens behind it.
            let is_closing = tags.peek().is_some_and(|placed| matches!(placed.tag, Tag::Close(_)));
            if let Some(space) = breaks.next_if(|_| space < tag || (space == tag && !is_closing)) {
                self.kind.write(rendered, &text[end..space.start]);
                rendered.push_str(passage.line_end);
                end = space.end;
            } else if let Some(placed) = tags.next() {
                if end < placed.at {
                    self.kind.write(rendered, &text[end..placed.at]);
                    end = placed.at;
                }
                rendered.push_str(passage.markup(&self.file, placed.tag));
            } else {
                break;
            }
        }
        self.kind.write(rendered, &text[end..]);
    }
}

impl Kind {
    const fn expected(self) -> &'static str {
        match self {
            Self::SubRip => "a SubRip file (.srt)",
            Self::WebVtt => "a WebVTT file (.vtt)",
        }
    }
}

#[cfg(test)]
mod tests;
