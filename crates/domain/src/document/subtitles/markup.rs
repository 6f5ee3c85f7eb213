//! The lines of a cue as a block, and text as its format writes it.
//!
//! Start reading at [`Passage::read`].

use std::ops::Range;

use super::Kind;
use super::cues::Line;
use super::lines::{DASHES, is_written_together};
use crate::document::draft::{Draft, PairName, Pairing, Segment};
use crate::text::Tag;

/// One block of a cue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Passage {
    pub segment: Segment,
    /// How many lines it is set on.
    pub lines: usize,
    /// What ends its lines.
    pub line_end: &'static str,
}

// Longer ones are text, so that a line of nothing but their beginnings takes no
// longer than any other.
const TAG_BYTES_MAX: usize = 300;

// The references of WebVTT.
const REFERENCES: [(&str, &str); 6] = [
    ("&amp;", "&"),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&nbsp;", "\u{A0}"),
    ("&lrm;", "\u{200E}"),
    ("&rlm;", "\u{200F}"),
];

impl Passage {
    /// The passages of lines that stand together: one, or one for each speaker.
    pub(super) fn all(kind: Kind, file: &str, lines: &[Line]) -> Vec<Self> {
        let mut passages = Vec::new();
        let mut start = 0;
        for end in 1..=lines.len() {
            if end == lines.len() || dash(&file[lines[end].clone()]).is_some() {
                passages.extend(Self::read(kind, file, &lines[start..end]));
                start = end;
            }
        }
        passages
    }

    fn read(kind: Kind, file: &str, lines: &[Line]) -> Option<Self> {
        let (first, last) = (lines.first()?, lines.last()?);
        let start = first.start + dash(&file[first.clone()]).unwrap_or(0);
        let mut draft = Draft::new(start, false);
        let mut end = start;
        for line in lines {
            let line = line.start.max(start)..line.end;
            if end < line.start && !is_written_together(&file[..end], &file[line.clone()]) {
                draft.text(end..line.start, &file[end..line.start], " ");
            }
            end = line.end;
            kind.read(&mut draft, file, line);
        }
        let line_end = &file[last.end.min(first.end)..];
        let line_end = match () {
            () if line_end.starts_with("\r\n") => "\r\n",
            () if line_end.starts_with('\r') => "\r",
            () => "\n",
        };
        let segment = draft.finish(file, last.end)?;
        Some(Self { segment, lines: lines.len(), line_end })
    }

    /// What a tag is in the file.
    pub(super) fn markup<'f>(&self, file: &'f str, tag: Tag) -> &'f str {
        let range = match tag {
            Tag::Open(number) | Tag::Point(number) | Tag::Opaque(number) => {
                self.segment.markup.get(number as usize).map(|markup| markup.open.clone())
            }
            Tag::Close(number) => {
                self.segment.markup.get(number as usize).map(|markup| markup.close.clone())
            }
        };
        range.map_or("", |range| &file[range])
    }
}

// How much of `rest` a tag is that ends with `end`, if there is one.
fn up_to(rest: &str, end: char) -> Option<usize> {
    rest[..rest.floor_char_boundary(TAG_BYTES_MAX)].find(end).map(|place| place + 1)
}

// How long the mark of a speaker is that the line begins with.
fn dash(line: &str) -> Option<usize> {
    let rest = line.trim_start().strip_prefix(DASHES)?;
    // Two of them are a pause.
    let text = rest.trim_start();
    (!text.is_empty() && !text.starts_with(DASHES)).then(|| line.len() - text.len())
}

impl Kind {
    fn read(self, draft: &mut Draft, file: &str, line: Range<usize>) {
        let mut start = line.start;
        let mut at = line.start;
        while let Some(next) = file[at..line.end].find(['<', '{', '&']) {
            at += next;
            let rest = &file[at..line.end];
            let Some((length, piece)) = self.piece(rest) else {
                at += 1;
                continue;
            };
            draft.text_of(file, start..at);
            let range = at..at + length;
            match piece {
                Piece::Code(pairing) => draft.code(range, pairing),
                Piece::Reference(text) => draft.reference(&range, text),
            }
            at += length;
            start = at;
        }
        draft.text_of(file, start..line.end);
    }

    // What `rest` begins with, if it is more than text, and how long that is.
    fn piece(self, rest: &str) -> Option<(usize, Piece)> {
        if rest.starts_with("{\\") {
            return Some((up_to(rest, '}')?, Piece::Code(Pairing::Single)));
        }
        if rest.starts_with('<') {
            let length = up_to(rest, '>')?;
            let pairing = self.tag(&rest[1..length - 1])?;
            return Some((length, Piece::Code(pairing)));
        }
        let (written, text) = REFERENCES.iter().find(|(written, _)| rest.starts_with(written))?;
        (self == Self::WebVtt).then_some((written.len(), Piece::Reference(text)))
    }

    // What the tag with `inner` between its brackets means; none if it is no tag.
    fn tag(self, inner: &str) -> Option<Pairing> {
        let name = inner.strip_prefix('/').unwrap_or(inner);
        let end = name.find(|character: char| !character.is_ascii_alphanumeric());
        let id = name[..end.unwrap_or(name.len())].to_ascii_lowercase();
        let is_name = id.starts_with(|first: char| first.is_ascii_alphabetic());
        match self {
            Self::SubRip if !is_name || inner.contains('<') => None,
            // A time within a cue, or the end of a speaker without a name.
            Self::WebVtt if !is_name => Some(Pairing::Single),
            Self::SubRip | Self::WebVtt if inner.ends_with('/') => Some(Pairing::Single),
            Self::SubRip | Self::WebVtt => {
                let name = PairName { kind: "", id };
                Some(if inner.starts_with('/') { Pairing::End(name) } else { Pairing::Begin(name) })
            }
        }
    }

    /// Writes text of a cue.
    pub(super) fn write(self, written: &mut String, text: &str) {
        match self {
            // An arrow would make times of a line.
            Self::SubRip => written.push_str(&text.replace("-->", "->")),
            Self::WebVtt => {
                for character in text.chars() {
                    let reference = REFERENCES.iter().find(|(_, it)| it.starts_with(character));
                    match reference {
                        Some((reference, _)) => written.push_str(reference),
                        None => written.push(character),
                    }
                }
            }
        }
    }
}

enum Piece {
    Code(Pairing),
    Reference(&'static str),
}
