//! A part gone through: its paragraphs become blocks, or get their translations.
//!
//! The same walk reads and writes, so that both see the same paragraphs in the
//! same order. A paragraph may have others in it, those of a text box; they come
//! before it.
//!
//! Start reading at [`Scanner::paragraphs`].

use std::ops::Range;

use super::dialect::{Dialect, Place, Role};
use super::paragraph::{Format, Items, Kind, Paragraph, Piece};
use super::writing::{Edits, name_in, write_text};
use crate::document::xml::{Event, Opening, Step, Walker, XML, XmlError};
use crate::job::DOCUMENT_CHARACTERS_MAX;
use crate::text::Block;

/// The most items that a paragraph has, and the most elements that a run has; in
/// real files there are hundreds. Each takes up more than its source.
const ITEMS_MAX: usize = 100_000;

/// How deep fields are nested that are made one item each.
const JOINED_FIELDS_MAX: usize = 64;

/// What is done with the paragraphs.
pub(super) enum Task<'t> {
    /// Their blocks are collected, until they have more characters than may be.
    Read { blocks: Vec<Block<'static>>, characters: u64 },
    /// Nothing.
    Skip,
    /// They are written anew, one of these blocks for each.
    Write(std::slice::Iter<'t, Block<'static>>),
}

/// Goes through a part.
pub(super) struct Scanner<'a, 't> {
    pub walker: Walker<'a>,
    pub task: Task<'t>,
    pub edits: Edits<'a>,
    dialect: Dialect,
    /// The fields that are open, in the order in which they began.
    fields: Vec<Field>,
    fields_begun: usize,
    paragraphs_begun: usize,
    is_space_preserved: bool,
}

/// A field of WordprocessingML: instructions, and maybe a result.
struct Field {
    number: usize,
    has_result: bool,
    /// Whether it began in the instructions of another.
    is_instruction: bool,
    /// The paragraph and the item that it begins with.
    begin: Option<(usize, usize)>,
}

/// What stands in a run.
enum Child {
    Text { text: String, name: Option<Piece> },
    Field(FieldPart),
    Opaque,
    Kept,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FieldPart {
    Begin,
    Separate,
    End,
}

/// A run as it was read.
struct Run {
    range: Piece,
    tag: Piece,
    close: Piece,
    name: Piece,
    properties: Option<Piece>,
    key: String,
    children: Vec<(Child, Piece)>,
}

impl<'a, 't> Scanner<'a, 't> {
    pub(super) fn new(bytes: &'a [u8], dialect: Dialect, task: Task<'t>) -> Result<Self, XmlError> {
        let walker = Walker::new(bytes)?;
        Ok(Self {
            edits: Edits::new(walker.source()),
            walker,
            task,
            dialect,
            fields: Vec::new(),
            fields_begun: 0,
            paragraphs_begun: 0,
            is_space_preserved: false,
        })
    }

    /// Goes through all paragraphs of the part.
    pub(super) fn paragraphs(&mut self) -> Result<(), XmlError> {
        while let Some(step) = self.next()? {
            self.outside(&step)?;
        }
        Ok(())
    }

    /// The next step of the walk; the first element says how white space is meant.
    pub(super) fn next(&mut self) -> Result<Option<Step<'a>>, XmlError> {
        let is_first = self.walker.depth() == 0;
        let step = self.walker.next()?;
        if let Some(Step { event: Event::Open(root), .. }) = &step
            && is_first
        {
            self.is_space_preserved = root.attribute(XML, "space") == Some("preserve");
        }
        Ok(step)
    }

    /// Takes a step outside of paragraphs: if one begins, goes through it.
    pub(super) fn outside(&mut self, step: &Step<'a>) -> Result<(), XmlError> {
        if let Event::Open(tag) = &step.event
            && !tag.is_empty
            && self.dialect.role(Place::Outside, tag.name) == Role::Block
        {
            return self.paragraph();
        }
        Ok(())
    }

    /// Goes through the paragraph just opened.
    pub(super) fn paragraph(&mut self) -> Result<(), XmlError> {
        self.paragraphs_begun += 1;
        let mut items = Items::default();
        let start = self.walker.position();
        let close = self.content(&mut items, self.paragraphs_begun, &mut None)?;
        if self.dialect == Dialect::Plain && has_mentions(&self.walker.source()[close.end..]) {
            return Ok(());
        }
        let Some(paragraph) = Paragraph::new(items) else {
            return Ok(());
        };
        match &mut self.task {
            Task::Read { characters, .. } if DOCUMENT_CHARACTERS_MAX < *characters => (),
            Task::Read { blocks, characters } => {
                *characters += paragraph.block.text.chars().count() as u64;
                blocks.push(paragraph.block);
            }
            Task::Skip => (),
            Task::Write(blocks) => {
                if let Some(translated) = blocks.next()
                    && *translated != paragraph.block
                {
                    let new = paragraph.render(
                        translated,
                        |new, piece| self.edits.copy(piece, new),
                        |new, text, format| {
                            write_text(self.walker.source(), self.dialect, new, text, format);
                        },
                    );
                    self.edits.replace(start..close.start, new);
                }
            }
        }
        Ok(())
    }

    /// Goes through what is in a paragraph or a wrapper, up to its end tag. `inner`
    /// becomes where the end tag of its inner element begins.
    fn content(
        &mut self,
        items: &mut Items,
        paragraph: usize,
        inner: &mut Option<usize>,
    ) -> Result<Piece, XmlError> {
        while let Some(Step { range, event }) = self.walker.next()? {
            bounded(items.list.len(), range.start)?;
            match event {
                Event::Close(_) => return Ok(range),
                // What is behind the inner element belongs to the end of the wrapper.
                Event::Open(tag) if inner.is_some() => {
                    self.rest(&tag, range)?;
                }
                Event::Open(tag) => self.child(&tag, range, items, paragraph, inner)?,
                Event::Text(text) | Event::CData(text) if self.dialect == Dialect::Plain => {
                    items.push_text(&text, "", Format::default);
                }
                Event::Text(_) | Event::CData(_) | Event::Other => (),
            }
        }
        Ok(self.walker.position()..self.walker.position())
    }

    fn child(
        &mut self,
        tag: &Opening<'a>,
        range: Piece,
        items: &mut Items,
        paragraph: usize,
        inner: &mut Option<usize>,
    ) -> Result<(), XmlError> {
        let is_empty = tag.is_empty;
        match self.dialect.role(Place::Paragraph, tag.name) {
            Role::Run if !is_empty => {
                let run = self.run(range)?;
                self.add_run(run, items, paragraph);
            }
            Role::Wrapper if !is_empty => {
                items.push(Kind::Open, vec![range]);
                let mut inner = None;
                let close = self.content(items, paragraph, &mut inner)?;
                let close = inner.unwrap_or(close.start)..close.end;
                items.push(Kind::Close, vec![close]);
            }
            Role::Inner if !is_empty && is_open(items) => {
                extend_last(items, range);
                let close = self.content(items, paragraph, &mut None)?;
                *inner = Some(close.start);
            }
            Role::Head if is_open(items) => {
                let whole = self.rest(tag, range)?;
                extend_last(items, whole);
            }
            Role::RangeStart if !self.is_in_instructions() => {
                let whole = self.rest(tag, range)?;
                items.push(Kind::Start(range_key(tag)), vec![whole]);
            }
            Role::RangeEnd if !self.is_in_instructions() => {
                let whole = self.rest(tag, range)?;
                items.push(Kind::End(range_key(tag)), vec![whole]);
            }
            // Text of a string without formatting.
            Role::Text => {
                let (text, name) = self.text(tag, &range)?;
                items.push_text(&text, "", || Format { text: Some(name), ..Format::default() });
            }
            Role::Dropped => {
                self.rest(tag, range)?;
            }
            Role::Opaque => {
                let whole = self.rest(tag, range)?;
                items.push(Kind::Opaque, vec![whole]);
            }
            Role::Run
            | Role::Wrapper
            | Role::Inner
            | Role::Head
            | Role::RangeStart
            | Role::RangeEnd
            | Role::Block
            | Role::Properties
            | Role::Hyphen
            | Role::Field
            | Role::Kept => {
                let whole = self.rest(tag, range)?;
                items.push(Kind::Point, vec![whole]);
            }
        }
        Ok(())
    }

    /// Goes to the end of an element that is kept, and through the paragraphs in it.
    /// Tells where it is.
    fn rest(&mut self, tag: &Opening<'a>, range: Piece) -> Result<Piece, XmlError> {
        if tag.is_empty {
            return Ok(range);
        }
        // A text box is a story of its own: no field goes on in it.
        let fields = std::mem::take(&mut self.fields);
        let depth = self.walker.depth();
        let mut end = range.end;
        while let Some(step) = self.walker.next()? {
            end = step.range.end;
            if self.walker.depth() < depth {
                break;
            }
            self.outside(&step)?;
        }
        self.fields = fields;
        Ok(range.start..end)
    }

    fn run(&mut self, tag: Piece) -> Result<Run, XmlError> {
        let name = name_in(self.walker.source(), &tag);
        let mut run = Run {
            range: tag.clone(),
            close: tag.clone(),
            tag,
            name,
            properties: None,
            key: String::new(),
            children: Vec::new(),
        };
        while let Some(Step { range, event }) = self.walker.next()? {
            match event {
                Event::Close(_) => {
                    run.range.end = range.end;
                    run.close = range;
                    break;
                }
                Event::Open(tag) => self.run_child(&tag, range, &mut run)?,
                Event::Text(_) | Event::CData(_) | Event::Other => (),
            }
        }
        Ok(run)
    }

    fn run_child(
        &mut self,
        tag: &Opening<'a>,
        range: Piece,
        run: &mut Run,
    ) -> Result<(), XmlError> {
        let child = match self.dialect.role(Place::Run, tag.name) {
            Role::Properties if run.properties.is_none() => {
                let (properties, key) = self.properties(tag, range)?;
                run.properties = Some(properties);
                run.key = key;
                return Ok(());
            }
            Role::Text => {
                let (text, name) = self.text(tag, &range)?;
                let whole = range.start..self.walker.position();
                bounded(run.children.len(), whole.start)?;
                run.children.push((Child::Text { text, name: Some(name) }, whole));
                return Ok(());
            }
            Role::Hyphen => Child::Text { text: "\u{2011}".to_owned(), name: None },
            Role::Field => {
                let kind = tag.attributes.iter().find(|found| found.name.local == "fldCharType");
                match kind.map(|kind| kind.value.as_ref()) {
                    Some("begin") => Child::Field(FieldPart::Begin),
                    Some("separate") => Child::Field(FieldPart::Separate),
                    Some("end") => Child::Field(FieldPart::End),
                    _ => Child::Kept,
                }
            }
            Role::Dropped => return self.rest(tag, range).map(drop),
            Role::Opaque => Child::Opaque,
            Role::Block
            | Role::Run
            | Role::Wrapper
            | Role::Inner
            | Role::Head
            | Role::RangeStart
            | Role::RangeEnd
            | Role::Properties
            | Role::Kept => Child::Kept,
        };
        let whole = self.rest(tag, range)?;
        bounded(run.children.len(), whole.start)?;
        run.children.push((child, whole));
        Ok(())
    }

    /// The formatting of a run, and a key that formats share if they look the same.
    fn properties(&mut self, tag: &Opening<'a>, range: Piece) -> Result<(Piece, String), XmlError> {
        let source = self.walker.source();
        let kept = tag.attributes.iter().filter(|found| !self.dialect.is_ignored(found.name.local));
        let mut parts: Vec<&str> = kept.map(|found| &source[found.range.clone()]).collect();
        let mut end = range.end;
        while !tag.is_empty
            && let Some(step) = self.walker.next()?
        {
            end = step.range.end;
            match step.event {
                Event::Open(child) => {
                    let whole = self.rest(&child, step.range)?;
                    if !self.dialect.is_ignored(child.name.local) {
                        parts.push(&source[whole]);
                    }
                }
                Event::Close(_) => break,
                Event::Text(_) | Event::CData(_) | Event::Other => (),
            }
        }
        parts.sort_unstable();
        Ok((range.start..end, parts.join("\n")))
    }

    /// The text in the element just opened, and where the element's name stands.
    fn text(&mut self, tag: &Opening<'a>, range: &Piece) -> Result<(String, Piece), XmlError> {
        let name = name_in(self.walker.source(), range);
        let mut text = String::new();
        let depth = self.walker.depth();
        while !tag.is_empty
            && let Some(step) = self.walker.next()?
        {
            match step.event {
                Event::Text(part) | Event::CData(part) => text.push_str(&part),
                Event::Close(_) if self.walker.depth() < depth => break,
                Event::Close(_) | Event::Open(_) | Event::Other => (),
            }
        }
        let is_preserved = match tag.attribute(XML, "space") {
            Some(space) => space == "preserve",
            None => self.is_space_preserved,
        };
        Ok((self.dialect.read(text, is_preserved), name))
    }

    fn add_run(&mut self, run: Run, items: &mut Items, paragraph: usize) {
        let Run { range, tag, close, name, properties, key, children } = run;
        let is_alone = |part: &Range<usize>| *part == (0..children.len());
        // The part of the run with these children, as a run of its own.
        let pieces = |part: Range<usize>| {
            if is_alone(&part) {
                return vec![range.clone()];
            }
            let inside = children[part.start].1.start..children[part.end - 1].1.end;
            let properties = properties.clone();
            [Some(tag.clone()), properties, Some(inside), Some(close.clone())]
                .into_iter()
                .flatten()
                .collect()
        };
        let mut index = 0;
        while index < children.len() {
            let start = index;
            index += 1;
            match &children[start].0 {
                Child::Text { text, name: text_name } if !self.is_in_instructions() => {
                    // The hyphen is no text in the source: the name of the run shows the prefix.
                    let format = || Format {
                        run: Some((tag.clone(), name.clone())),
                        properties: properties.clone(),
                        text: text_name.clone(),
                    };
                    items.push_text(text, &key, format);
                }
                Child::Field(part) => {
                    self.add_field(*part, pieces(start..index), items, paragraph);
                }
                Child::Opaque => items.push(Kind::Opaque, pieces(start..index)),
                Child::Kept | Child::Text { .. } => {
                    while index < children.len() && matches!(children[index].0, Child::Kept) {
                        index += 1;
                    }
                    items.push(Kind::Point, pieces(start..index));
                }
            }
        }
    }

    /// Adds a part of a field. The instructions become the start of a range around
    /// the result, or a point if there is no result.
    fn add_field(
        &mut self,
        part: FieldPart,
        pieces: Vec<Piece>,
        items: &mut Items,
        paragraph: usize,
    ) {
        match part {
            FieldPart::Begin => {
                self.fields_begun += 1;
                let begin = Some((paragraph, items.list.len()));
                self.fields.push(Field {
                    number: self.fields_begun,
                    has_result: false,
                    is_instruction: self.is_in_instructions(),
                    begin: begin.filter(|_| self.fields.len() < JOINED_FIELDS_MAX),
                });
                items.push(Kind::Ordered, pieces);
            }
            FieldPart::Separate => {
                items.push(Kind::Ordered, pieces);
                if let Some(field) = self.fields.last_mut() {
                    field.has_result = true;
                    let start = Kind::Start(format!("field {}", field.number));
                    if !field.begin.is_some_and(|begin| join(items, begin, paragraph, start)) {
                        field.begin = None;
                    }
                }
            }
            FieldPart::End => {
                let field = self.fields.pop();
                let here = field
                    .and_then(|field| Some((field.number, field.has_result, field.begin?)))
                    .filter(|(_, _, begin)| begin.0 == paragraph);
                match here {
                    Some((number, true, _)) => {
                        items.push(Kind::End(format!("field {number}")), pieces);
                    }
                    Some((_, false, begin)) => {
                        items.push(Kind::Ordered, pieces);
                        join(items, begin, paragraph, Kind::Point);
                    }
                    None => items.push(Kind::Ordered, pieces),
                }
            }
        }
    }

    fn is_in_instructions(&self) -> bool {
        self.fields.last().is_some_and(|field| !field.has_result || field.is_instruction)
    }
}

fn bounded(items: usize, at: usize) -> Result<(), XmlError> {
    if items <= ITEMS_MAX {
        return Ok(());
    }
    let reason = format!("a paragraph consists of more than {ITEMS_MAX} parts");
    Err(XmlError::Fault { at, reason })
}

/// Makes one item of all from the one at `begin` on, if none of them is text or
/// around others.
fn join(items: &mut Items, begin: (usize, usize), paragraph: usize, kind: Kind) -> bool {
    let (begun_in, first) = begin;
    let is_point = |kind: &Kind| matches!(kind, Kind::Point | Kind::Ordered | Kind::Opaque);
    if begun_in != paragraph || !items.list[first..].iter().all(|item| is_point(&item.kind)) {
        return false;
    }
    let pieces = items.list.drain(first..).flat_map(|item| item.pieces).collect();
    items.push(kind, pieces);
    true
}

fn is_open(items: &Items) -> bool {
    items.list.last().is_some_and(|item| item.kind == Kind::Open)
}

fn extend_last(items: &mut Items, piece: Piece) {
    if let Some(item) = items.list.last_mut() {
        item.pieces.push(piece);
    }
}

/// What the start and the end of a range have in common.
fn range_key(tag: &Opening<'_>) -> String {
    let kind = tag.name.local.trim_end_matches("Start").trim_end_matches("End");
    let id = tag.attributes.iter().find(|attribute| attribute.name.local == "id");
    format!("{kind} {}", id.map_or("", |id| id.value.as_ref()))
}

/// Whether people are mentioned in the text before `rest`: where is given by places
/// in it, which a translation would move.
fn has_mentions(rest: &str) -> bool {
    let rest = rest.trim_start();
    let name = name_in(rest, &(0..rest.len()));
    rest.starts_with('<') && rest[name].rsplit(':').next() == Some("mentions")
}
