//! Passages: the sentences of a page, collected piece by piece until a block
//! element ends them.
//!
//! White space is one blank, what is not translated stands for a word, and tags
//! are pairs where both are in the same passage. Tags around the whole passage
//! are not part of it.
//!
//! Start reading at [`Builder::end_passage`].

use std::mem;
use std::ops::Range;

use crate::text::{PlacedTag, Tag, is_translatable};

/// What is to be translated in a page, and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Passages {
    /// The passages, in order.
    pub(super) list: Vec<Passage>,
    /// Their texts, one after the other.
    pub(super) text: String,
    /// Their tags. The numbers count the marks of the passage.
    pub(super) tags: Vec<PlacedTag>,
    /// What the tags are in the source.
    pub(super) marks: Vec<Mark>,
}

/// A part of each list, and the part of the source that it was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Passage {
    pub(super) source: Range<usize>,
    pub(super) text: Range<usize>,
    pub(super) tags: Range<usize>,
    pub(super) marks: Range<usize>,
}

/// Markup in a passage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// Where it is in the source; of a pair, the first tag.
    pub(super) span: Range<usize>,
    /// The second tag of a pair.
    pub(super) end: Option<Range<usize>>,
    /// Whether a blank was put after it into the text that is not in the source.
    pub(super) is_blank: bool,
}

/// What becomes of white space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// It is one blank.
    Collapsed,
    /// It is as many blanks.
    Kept,
    /// Lines end passages, blanks and tabs are what they are.
    Lines,
}

/// A start tag that may become one of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Opened {
    passage: usize,
    piece: usize,
}

/// Collects passages.
#[derive(Debug, Default)]
pub(super) struct Builder {
    passages: Passages,
    pieces: Vec<Piece>,
    // How many passages have been begun, with those that came to nothing.
    begun: usize,
    // Where the text of this passage begins.
    start: usize,
    // Where its first character is in the source.
    first: Option<usize>,
    // Where its last character ends in the source.
    last: usize,
    // The bytes of its text without white space at the end.
    bytes: usize,
    // Whether there is anything in it that white space can follow.
    is_begun: bool,
    is_blank_wanted: bool,
    // The line break that parts what came before from the next word.
    line_break: Option<usize>,
    is_after_break: bool,
}

#[derive(Debug)]
struct Piece {
    at: usize,
    span: Range<usize>,
    role: Role,
    is_blank: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// A start tag without an end tag so far.
    Pending,
    /// A start tag and the piece that is its end tag.
    Open(usize),
    /// The end tag of a piece.
    Close(usize),
    /// The end tag of the pair with this number.
    End(u32),
    Point,
    Opaque,
    /// Part of another piece.
    Gone,
}

impl Builder {
    /// Forgets all passages.
    pub(super) fn clear(&mut self) {
        *self = Self { begun: self.begun + 1, ..Self::default() };
    }

    pub(super) fn finish(mut self) -> Passages {
        self.end_passage();
        self.passages
    }

    /// Adds characters that are not white space and stand at `span`.
    pub(super) fn letters(&mut self, letters: &str, span: Range<usize>) {
        if let Some(index) = self.line_break.take()
            && self.is_blank_wanted
        {
            self.passages.text.push(' ');
            self.pieces[index].is_blank = true;
            self.pieces[index + 1..].iter_mut().for_each(|piece| piece.at += 1);
        }
        self.passages.text.push_str(letters);
        self.first.get_or_insert(span.start);
        self.last = span.end;
        self.goes_on();
    }

    /// Adds one character of white space.
    pub(super) fn white(&mut self, character: char, span: Range<usize>, space: Space) {
        let blank = match space {
            Space::Lines if matches!(character, '\n' | '\r') => {
                self.end_passage();
                return;
            }
            Space::Lines => self.is_begun.then_some(character),
            Space::Kept => self.is_begun.then_some(' '),
            Space::Collapsed => self.is_blank_wanted.then_some(' '),
        };
        if let Some(blank) = blank {
            self.passages.text.push(blank);
            self.is_blank_wanted = false;
            self.line_break = None;
            return;
        }
        // Tags keep the white space that does not count.
        let at = self.at();
        if let Some(piece) = self.pieces.last_mut()
            && piece.at == at
            && piece.span.end == span.start
        {
            piece.span.end = span.end;
        }
    }

    /// Adds something that stands for words.
    pub(super) fn opaque(&mut self, span: Range<usize>) {
        self.line_break = None;
        self.push(Role::Opaque, span);
        self.goes_on();
    }

    /// Adds something that stands between words.
    pub(super) fn point(&mut self, span: Range<usize>) {
        self.push(Role::Point, span);
    }

    /// Adds something between words that is seen, such as an image.
    pub(super) fn visible_point(&mut self, span: Range<usize>) {
        self.is_after_break = false;
        self.point(span);
    }

    /// Adds a line break; the second in a row ends the passage.
    pub(super) fn line_break(&mut self, span: Range<usize>) {
        if mem::replace(&mut self.is_after_break, true) {
            self.end_passage();
            return;
        }
        self.point(span);
        self.line_break = Some(self.pieces.len() - 1);
    }

    /// Adds a start tag.
    pub(super) fn open(&mut self, span: Range<usize>) -> Opened {
        self.pieces.push(Piece { at: self.at(), span, role: Role::Pending, is_blank: false });
        Opened { passage: self.begun, piece: self.pieces.len() - 1 }
    }

    /// Adds the end tag of `opened`.
    pub(super) fn close(&mut self, opened: Opened, span: Range<usize>) {
        if opened.passage != self.begun {
            self.point(span);
            return;
        }
        let at = self.at();
        let open = &self.pieces[opened.piece];
        if open.at < at {
            self.pieces[opened.piece].role = Role::Open(self.pieces.len());
            let role = Role::Close(opened.piece);
            self.pieces.push(Piece { at, span, role, is_blank: false });
            return;
        }
        // There is no text in it that is translated.
        let whole = open.span.start..span.end;
        let inner = &self.pieces[opened.piece..];
        let is_opaque = inner.iter().any(|piece| piece.role == Role::Opaque);
        self.pieces.truncate(opened.piece);
        self.push(if is_opaque { Role::Opaque } else { Role::Point }, whole);
        let last = self.pieces.len() - 1;
        self.line_break = self.line_break.map(|index| index.min(last));
    }

    /// Ends a sentence: what comes next is another one.
    pub(super) fn end_passage(&mut self) {
        let start = self.start;
        if is_translatable(&self.passages.text[start..]) {
            self.keep();
        } else {
            self.passages.text.truncate(start);
        }
        self.pieces.clear();
        self.begun += 1;
        self.start = self.passages.text.len();
        (self.first, self.last, self.bytes) = (None, 0, 0);
        (self.is_begun, self.is_blank_wanted, self.is_after_break) = (false, false, false);
        self.line_break = None;
    }

    fn at(&self) -> usize {
        self.passages.text.len() - self.start
    }

    fn goes_on(&mut self) {
        self.bytes = self.at();
        (self.is_begun, self.is_blank_wanted, self.is_after_break) = (true, true, false);
    }

    fn push(&mut self, role: Role, span: Range<usize>) {
        let at = self.at();
        match self.pieces.last_mut() {
            Some(last) if last.role == role && last.at == at && last.span.end == span.start => {
                last.span.end = span.end;
            }
            _ => self.pieces.push(Piece { at, span, role, is_blank: false }),
        }
    }

    fn keep(&mut self) {
        for piece in &mut self.pieces {
            if piece.role == Role::Pending {
                piece.role = Role::Point;
            }
        }
        let kept = self.inner_pieces();
        let (mut source, mut bytes) = (self.first.unwrap_or(self.last)..self.last, self.bytes);
        if let Some(first) = self.pieces[kept.clone()].first()
            && first.at == 0
        {
            source.start = first.span.start;
        }
        if let Some(last) = self.pieces[kept.clone()].last()
            && self.bytes <= last.at
        {
            source.end = last.span.end;
            bytes = last.at;
        }
        self.join(kept.clone());
        let (tags, marks) = (self.passages.tags.len(), self.passages.marks.len());
        self.mark(kept);
        self.passages.text.truncate(self.start + bytes);
        self.passages.list.push(Passage {
            source,
            text: self.start..self.passages.text.len(),
            tags: tags..self.passages.tags.len(),
            marks: marks..self.passages.marks.len(),
        });
    }

    /// The pieces without those at the beginning and at the end that can as well
    /// stay outside.
    fn inner_pieces(&self) -> Range<usize> {
        let is_first = |piece: &Piece| piece.at == 0;
        let is_last = |piece: &Piece| self.bytes <= piece.at;
        let mut kept = 0..self.pieces.len();
        while let [first, rest @ ..] = &self.pieces[kept.clone()] {
            let last = rest.last().unwrap_or(first);
            if first.role == Role::Point && is_first(first) {
                kept.start += 1;
            } else if last.role == Role::Point && is_last(last) {
                kept.end -= 1;
            } else if first.role == Role::Open(kept.end - 1) && is_first(first) && is_last(last) {
                kept = kept.start + 1..kept.end - 1;
            } else {
                break;
            }
        }
        kept
    }

    /// Makes one piece of those that stand together: tags without a partner,
    /// and pairs around the same words.
    fn join(&mut self, kept: Range<usize>) {
        for index in kept.start + 1..kept.end {
            let (before, piece) = (&self.pieces[index - 1], &self.pieces[index]);
            if !stand_together(before, piece) {
                continue;
            }
            match (before.role, piece.role) {
                (Role::Point, Role::Point) => {
                    let is_blank = before.is_blank || piece.is_blank;
                    self.merge(index - 1, index);
                    self.pieces[index].is_blank = is_blank;
                }
                (Role::Open(outer), Role::Open(inner))
                    if inner + 1 == outer
                        && stand_together(&self.pieces[inner], &self.pieces[outer]) =>
                {
                    self.merge(index - 1, index);
                    self.pieces[inner].span.end = self.pieces[outer].span.end;
                    self.pieces[outer].role = Role::Gone;
                }
                _ => (),
            }
        }
    }

    fn merge(&mut self, before: usize, into: usize) {
        self.pieces[into].span.start = self.pieces[before].span.start;
        self.pieces[before].role = Role::Gone;
    }

    fn mark(&mut self, kept: Range<usize>) {
        let Passages { tags, marks, .. } = &mut self.passages;
        let start = marks.len();
        for index in kept {
            let Piece { at, ref span, role, is_blank } = self.pieces[index];
            let number = u32::try_from(marks.len() - start).expect("a document is far smaller");
            let mut mark = |end| marks.push(Mark { span: span.clone(), end, is_blank });
            let tag = match role {
                // A pair is kept or left out together.
                Role::Gone | Role::Close(_) => continue,
                Role::Open(close) => {
                    mark(Some(self.pieces[close].span.clone()));
                    self.pieces[close].role = Role::End(number);
                    Tag::Open(number)
                }
                Role::End(number) => Tag::Close(number),
                Role::Opaque => {
                    mark(None);
                    Tag::Opaque(number)
                }
                Role::Point | Role::Pending => {
                    mark(None);
                    Tag::Point(number)
                }
            };
            tags.push(PlacedTag { at, tag });
        }
    }
}

fn stand_together(piece: &Piece, next: &Piece) -> bool {
    piece.at == next.at && piece.span.end == next.span.start
}
