//! One block in the making, piece by piece of a file: its text, its white space
//! and its tags. What the pieces mean, the format says.
//!
//! Start reading at [`Draft::finish`].

use std::ops::Range;

use crate::text::{Block, PlacedTag, Tag, is_translatable};

// How far back the beginning of a paired code is looked for, so that a file
// made of codes takes no longer than any other.
const PAIRS_OPEN_MAX: usize = 64;

/// One block: a stretch of the file that is replaced by its translation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Where it stands in the file, without the white space around it.
    pub range: Range<usize>,
    /// What is to be translated. The numbers of its tags are places in `markup`.
    pub block: Block<'static>,
    /// What the tags are in the file.
    pub markup: Vec<Markup>,
    /// How its text is written.
    pub form: Form,
}

/// Where the markup of a tag stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Markup {
    /// Of what is opened, or the whole of a point.
    pub open: Range<usize>,
    /// Of what closes it; empty for a point.
    pub close: Range<usize>,
}

/// How text is written so that it is read as it was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// Whether it stands in a CDATA section.
    pub is_section: bool,
    /// What a tab is written as.
    pub tab: &'static str,
    /// What a line end is written as.
    pub line_end: &'static str,
}

/// Whether a code opens or closes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pairing {
    /// It stands for itself.
    Single,
    /// It opens what the code with an equal name closes.
    Begin(PairName),
    /// It closes what the code with an equal name opened.
    End(PairName),
}

/// What the two halves of a pair have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PairName {
    /// Such as the name of an element.
    pub kind: &'static str,
    /// Which of that kind.
    pub id: String,
}

/// A block whose end has not been reached.
#[derive(Debug)]
pub(super) struct Draft {
    start: usize,
    is_preserved: bool,
    text: String,
    tags: Vec<PlacedTag>,
    markup: Vec<Markup>,
    open: Vec<Open>,
    // The ends of the text and of its source, without the white space that may
    // turn out to be the last; none where a tag is the last so far.
    end: Option<(usize, usize)>,
    is_after_blank: bool,
    // What stands in the section that the text began with.
    section: Option<Range<usize>>,
    is_section_alone: bool,
}

// A tag that waits for its other half, and its place among the tags.
#[derive(Debug)]
enum Open {
    Span(usize),
    Pair(PairName, usize),
}

impl Draft {
    /// A block that begins at the byte `start`.
    pub(super) fn new(start: usize, is_preserved: bool) -> Self {
        Self {
            start,
            is_preserved,
            text: String::new(),
            tags: Vec::new(),
            markup: Vec::new(),
            open: Vec::new(),
            end: None,
            is_after_blank: false,
            section: None,
            is_section_alone: true,
        }
    }

    /// The block that ends at the byte `end` of `file`, if there is anything to
    /// translate in it.
    pub(super) fn finish(mut self, file: &str, end: usize) -> Option<Segment> {
        let mut range = self.start..end;
        if let Some((text_end, end)) = self.end {
            self.text.truncate(text_end);
            range.end = end;
        }
        if !is_translatable(&self.text) {
            return None;
        }
        let mut form = Form { is_section: false, tab: "&#9;", line_end: "&#10;" };
        let section = self.section.filter(|_| self.is_section_alone && self.tags.is_empty());
        let mut text = self.text.as_str();
        if let Some(section) = section {
            range = trimmed(file, section);
            text = text.trim_matches(is_space);
            form.is_section = true;
        }
        let source = &file[range.clone()];
        if self.is_preserved || form.is_section {
            form.tab = "\t";
            // A file that writes its line ends as references goes on doing so.
            form.line_end = match (source.contains("\r\n"), source.contains('\n')) {
                (true, _) => "\r\n",
                (false, false) if !form.is_section => "&#10;",
                (false, _) => "\n",
            };
        }
        let block = Block { text: text.to_owned().into(), tags: self.tags };
        Some(Segment { range, block, markup: self.markup, form })
    }

    /// Text at `range` of the file, and how it reads.
    pub(super) fn text(&mut self, range: Range<usize>, source: &str, text: &str) {
        let visible = text.trim_matches(is_space);
        if visible.is_empty() {
            self.white_space(range, text);
            return;
        }
        self.is_section_alone = false;
        let mut text = text;
        if self.is_pristine() {
            self.start = range.end - source.trim_start_matches(is_space).len();
            text = text.trim_start_matches(is_space);
        }
        let behind = text.trim_end_matches(is_space);
        self.push(behind);
        self.end = Some((self.text.len(), range.start + source.trim_end_matches(is_space).len()));
        self.push(&text[behind.len()..]);
    }

    /// Text at `range` of the file that reads as it is written.
    pub(super) fn text_of(&mut self, file: &str, range: Range<usize>) {
        let text = &file[range.clone()];
        self.text(range, text, text);
    }

    /// A reference at `range` to what reads as `text`, which is taken as it is.
    pub(super) fn reference(&mut self, range: &Range<usize>, text: &str) {
        if self.is_pristine() {
            self.start = range.start;
        }
        self.is_section_alone = false;
        self.is_after_blank = false;
        self.text.push_str(text);
        self.end = Some((self.text.len(), range.end));
    }

    /// A CDATA section at `range` of the file with `inner` in it, and how it reads.
    pub(super) fn section(&mut self, range: &Range<usize>, inner: Range<usize>, text: &str) {
        if self.is_pristine() {
            self.start = range.start;
            self.section = Some(inner);
        } else {
            self.is_section_alone = false;
        }
        self.push(text);
        self.end = Some((self.text.len(), range.end));
    }

    /// Something begins that belongs to words; its start tag stands at `tag`.
    pub(super) fn open(&mut self, tag: Range<usize>) {
        let index = self.place(tag, Tag::Open);
        self.open.push(Open::Span(index));
    }

    /// What was opened last ends; its end tag stands at `tag`.
    pub(super) fn close(&mut self, tag: Range<usize>) {
        while let Some(open) = self.open.pop() {
            // A pair whose end is elsewhere is no pair.
            let Open::Span(index) = open else { continue };
            if self.is_last(index) {
                // Around no words it is something that stands between words.
                let number = self.number_of(index);
                self.markup[number as usize].open.end = tag.end;
                self.tags[index].tag = Tag::Point(number);
                self.is_after_blank = false;
            } else {
                self.close_at(index, tag);
            }
            return;
        }
    }

    /// Native code that stands at `range`.
    pub(super) fn code(&mut self, range: Range<usize>, pairing: Pairing) {
        match pairing {
            Pairing::Single => self.point(range),
            Pairing::Begin(name) => {
                let index = self.place(range, Tag::Point);
                self.open.push(Open::Pair(name, index));
            }
            Pairing::End(name) => match self.begin_of(&name) {
                Some(index) if !self.is_last(index) => self.close_at(index, range),
                Some(_) | None => self.point(range),
            },
        }
    }

    /// Something that stands between words.
    pub(super) fn point(&mut self, range: Range<usize>) {
        self.place(range, Tag::Point);
        self.is_after_blank = false;
    }

    /// Words that are not to be translated.
    pub(super) fn opaque(&mut self, range: Range<usize>) {
        self.place(range, Tag::Opaque);
        self.is_after_blank = false;
    }

    fn white_space(&mut self, range: Range<usize>, text: &str) {
        if self.is_pristine() {
            self.start = range.end;
            return;
        }
        self.end = self.end.or(Some((self.text.len(), range.start)));
        self.push(text);
    }

    fn push(&mut self, text: &str) {
        if self.is_preserved {
            self.text.push_str(text);
            return;
        }
        for character in text.chars() {
            if !is_space(character) {
                self.text.push(character);
            } else if !self.is_after_blank {
                self.text.push(' ');
            }
            self.is_after_blank = is_space(character);
        }
    }

    // The number of a tag is its place among the markup.
    fn place(&mut self, range: Range<usize>, tag: impl Fn(u32) -> Tag) -> usize {
        self.end = None;
        let number = u32::try_from(self.markup.len()).expect("fewer tags than bytes");
        let tag = tag(number);
        self.tags.push(PlacedTag { at: self.text.len(), tag });
        self.markup.push(Markup { open: range, close: 0..0 });
        self.tags.len() - 1
    }

    fn close_at(&mut self, index: usize, range: Range<usize>) {
        self.end = None;
        let number = self.number_of(index);
        self.tags[index].tag = Tag::Open(number);
        self.markup[number as usize].close = range;
        self.tags.push(PlacedTag { at: self.text.len(), tag: Tag::Close(number) });
    }

    // Where the code stands that `name` closes. What began behind it has no end
    // there, and is no pair.
    fn begin_of(&mut self, name: &PairName) -> Option<usize> {
        let from = self.open.len().saturating_sub(PAIRS_OPEN_MAX);
        for place in (from..self.open.len()).rev() {
            match &self.open[place] {
                Open::Span(_) => return None,
                Open::Pair(open, index) if open == name => {
                    let index = *index;
                    self.open.truncate(place);
                    return Some(index);
                }
                Open::Pair(..) => (),
            }
        }
        None
    }

    fn number_of(&self, index: usize) -> u32 {
        match self.tags[index].tag {
            Tag::Open(number) | Tag::Close(number) | Tag::Point(number) | Tag::Opaque(number) => {
                number
            }
        }
    }

    fn is_last(&self, index: usize) -> bool {
        index + 1 == self.tags.len() && self.tags[index].at == self.text.len()
    }

    fn is_pristine(&self) -> bool {
        self.text.is_empty() && self.tags.is_empty()
    }
}

/// What XML takes for white space.
pub(super) fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

fn trimmed(file: &str, range: Range<usize>) -> Range<usize> {
    let text = file[range.clone()].trim_start_matches(is_space);
    let start = range.end - text.len();
    start..start + text.trim_end_matches(is_space).len()
}
