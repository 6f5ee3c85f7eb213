//! The content of a `source` or `seg-source`: which blocks of text are in it,
//! and which markup stands in them.
//!
//! Markup is remembered as ranges of the file, to be written again as it is.
//! Nothing is known here of units and targets.
//!
//! Start reading at [`Content`].

use std::ops::Range;

use crate::document::draft::{Draft, Pairing, Segment};

const SECTION_START: &str = "<![CDATA[";
const SECTION_END: &str = "]]>";

/// Elements within running text, by what they mean for the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inline {
    /// Its text is part of the sentence: `g`, `mrk`.
    Span,
    /// A part of `seg-source` that is translated for itself.
    Segment,
    /// Its text is not to be translated.
    Protected,
    /// Its text is native code.
    Code(Pairing),
    /// Text within native code.
    Sub,
}

/// Reads the content of one element, event by event.
#[derive(Debug)]
pub(super) struct Content<'a> {
    file: &'a str,
    is_preserved: bool,
    open: Vec<Open>,
    drafts: Vec<Draft>,
    done: Vec<Segment>,
}

#[derive(Debug)]
enum Open {
    /// An element whose tags stand in the block in hand.
    Span,
    /// Native code, from its first byte.
    Code(usize, Pairing),
    /// Text that is not to be translated, from its first byte.
    Opaque(usize),
    /// A block of its own within something else.
    Block,
    /// An element that changes nothing.
    Inside(Place),
}

/// What text means where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Block,
    /// Text is code; there may be blocks in it.
    Code,
    /// Text is not translated, whatever is in it.
    Opaque,
    /// Between the segments of a `seg-source`.
    Between,
}

impl<'a> Content<'a> {
    /// Of a `source`, which is one block, beginning at the byte `start`.
    pub(super) fn of_source(file: &'a str, is_preserved: bool, start: usize) -> Self {
        let mut content = Self::of_segments(file, is_preserved);
        content.open.push(Open::Block);
        content.drafts.push(Draft::new(start, is_preserved));
        content
    }

    /// Of a `seg-source`, where each [`Inline::Segment`] is a block.
    pub(super) fn of_segments(file: &'a str, is_preserved: bool) -> Self {
        Self { file, is_preserved, open: Vec::new(), drafts: Vec::new(), done: Vec::new() }
    }

    /// The blocks, in the order in which they stand in the file; `end` is the
    /// byte behind the content.
    pub(super) fn finish(mut self, end: usize) -> Vec<Segment> {
        if let Some(draft) = self.drafts.pop() {
            self.done.extend(draft.finish(self.file, end));
        }
        // A block within another was done before it.
        self.done.sort_by_key(|segment| segment.range.start);
        self.done
    }

    /// An element begins whose start tag stands at `tag`.
    pub(super) fn start(&mut self, element: Inline, tag: Range<usize>) {
        let place = self.place();
        let open = match (place, element) {
            (Place::Between, Inline::Segment) | (Place::Code, Inline::Sub) => {
                self.drafts.push(Draft::new(tag.end, self.is_preserved));
                Open::Block
            }
            (Place::Block, Inline::Span | Inline::Segment | Inline::Sub) => {
                self.in_block(|draft| draft.open(tag));
                Open::Span
            }
            (Place::Block, Inline::Protected) => Open::Opaque(tag.start),
            (Place::Block, Inline::Code(pairing)) => Open::Code(tag.start, pairing),
            (Place::Between, Inline::Protected) => Open::Inside(Place::Opaque),
            (
                Place::Between | Place::Code | Place::Opaque,
                Inline::Span | Inline::Segment | Inline::Protected | Inline::Code(_) | Inline::Sub,
            ) => Open::Inside(place),
        };
        self.open.push(open);
    }

    /// The element that began last ends; its end tag stands at `tag`, and is
    /// empty if there is none.
    pub(super) fn end(&mut self, tag: Range<usize>) {
        match self.open.pop() {
            Some(Open::Span) => self.in_block(|draft| draft.close(tag)),
            Some(Open::Code(start, pairing)) => {
                self.in_block(|draft| draft.code(start..tag.end, pairing));
            }
            Some(Open::Opaque(start)) => self.in_block(|draft| draft.opaque(start..tag.end)),
            Some(Open::Block) => {
                let draft = self.drafts.pop();
                self.done.extend(draft.and_then(|draft| draft.finish(self.file, tag.start)));
            }
            Some(Open::Inside(_)) | None => (),
        }
    }

    /// Text at `range`, and how it reads.
    pub(super) fn text(&mut self, range: Range<usize>, text: &str) {
        if self.place() == Place::Block {
            let source = &self.file[range.clone()];
            self.in_block(|draft| {
                if source.starts_with('&') {
                    draft.reference(&range, text);
                } else {
                    draft.text(range, source, text);
                }
            });
        }
    }

    /// A CDATA section at `range`, and how it reads.
    pub(super) fn section(&mut self, range: &Range<usize>, text: &str) {
        if self.place() == Place::Block {
            let inner = range.start + SECTION_START.len()..range.end - SECTION_END.len();
            self.in_block(|draft| draft.section(range, inner, text));
        }
    }

    /// A processing instruction at `range`.
    pub(super) fn instruction(&mut self, range: Range<usize>) {
        if self.place() == Place::Block {
            self.in_block(|draft| draft.point(range));
        }
    }

    fn place(&self) -> Place {
        match self.open.last() {
            Some(Open::Span | Open::Block) => Place::Block,
            Some(Open::Code(..)) => Place::Code,
            Some(Open::Opaque(_)) => Place::Opaque,
            Some(Open::Inside(place)) => *place,
            None => Place::Between,
        }
    }

    fn in_block(&mut self, change: impl FnOnce(&mut Draft)) {
        if let Some(draft) = self.drafts.last_mut() {
            change(draft);
        }
    }
}
