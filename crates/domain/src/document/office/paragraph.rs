//! A paragraph: its runs joined into one block of text with inline tags, and the
//! translated block written as runs again.
//!
//! What is not text stays in pieces of the source. It knows no vocabulary; which
//! element is what was told by the scanner.
//!
//! Start reading at [`Paragraph::new`] and [`Paragraph::render`].

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::placing;
use crate::text::{Block, PlacedTag, Tag, is_translatable};

/// A part of the source.
pub(super) type Piece = Range<usize>;

/// What a paragraph consists of, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub kind: Kind,
    /// What stands for it in the file; empty for text.
    pub pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text in one of the paragraph's formats.
    Text {
        text: String,
        format: usize,
    },
    /// Something that stands between words.
    Point,
    /// Something that stands between words, and must not pass others of its kind.
    Ordered,
    /// Something that stands for words.
    Opaque,
    /// An element around what follows, up to its `Close`.
    Open,
    Close,
    /// The start and the end of a range, told by its key, that may cross others.
    Start(String),
    End(String),
}

/// How text is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Format {
    /// The start tag of the run, and its name; none for text outside of runs.
    pub run: Option<(Piece, Piece)>,
    pub properties: Option<Piece>,
    /// The name of the element that the text is in; none for text without one.
    pub text: Option<Piece>,
}

/// The items of a paragraph, and the formats of its texts.
#[derive(Debug, Default)]
pub(super) struct Items {
    pub list: Vec<Item>,
    pub formats: Vec<Format>,
    by_key: HashMap<String, usize>,
}

impl Items {
    pub(super) fn push(&mut self, kind: Kind, pieces: Vec<Piece>) {
        self.list.push(Item { kind, pieces });
    }

    /// Adds text in the format of that key, which `format` is the first of, maybe.
    pub(super) fn push_text(&mut self, text: &str, key: &str, format: impl FnOnce() -> Format) {
        if text.is_empty() {
            return;
        }
        let found = self.by_key.get(key).copied();
        let index = found.unwrap_or_else(|| {
            self.formats.push(format());
            self.by_key.insert(key.to_owned(), self.formats.len() - 1);
            self.formats.len() - 1
        });
        match self.list.last_mut().map(|item| &mut item.kind) {
            // A single blank looks the same in most formats: no border is made for it.
            Some(Kind::Text { text: last, format }) if *format == index || text == " " => {
                last.push_str(text);
            }
            _ => self.push(Kind::Text { text: text.to_owned(), format: index }, Vec::new()),
        }
    }
}

/// A paragraph with something to translate in it.
#[derive(Debug)]
pub(super) struct Paragraph {
    /// What is translated.
    pub block: Block<'static>,
    items: Vec<Item>,
    formats: Vec<Format>,
    /// What of the items the block is made of; the others stand around it.
    inside: Range<usize>,
    base: usize,
    marks: Vec<Mark>,
    is_ordered: bool,
}

/// What a tag of the block stands for.
#[derive(Clone, Copy, Debug)]
enum Mark {
    /// An item.
    Point(usize),
    /// Two items, and the format of most of the text that is directly in them.
    Span { open: usize, close: usize, base: usize },
    /// A format that is not that of the text around.
    Format(usize),
}

impl Paragraph {
    /// Joins `items`; none if nothing in them is to be translated.
    pub(super) fn new(items: Items) -> Option<Self> {
        let Items { list, formats, by_key: _ } = items;
        let is_wanted = |item: &Item| matches!(&item.kind, Kind::Text { text, .. } if text.contains(char::is_alphabetic));
        if !list.iter().any(is_wanted) {
            return None;
        }
        let items = without_empty_spans(paired(list));
        let mates = mates(&items);
        let inside = trimmed(&items, &mates);
        let mut tagger = Tagger::new(&items, &mates, inside.clone());
        tagger.run();
        let Tagger { block, marks, base, .. } = tagger;
        if !is_translatable(&block.text) {
            return None;
        }
        let is_ordered = items[inside.clone()].iter().any(|item| item.kind == Kind::Ordered);
        Some(Self { block, items, formats, inside, base, marks, is_ordered })
    }

    /// The content of the paragraph with `translated` in the place of its block.
    /// `write` appends a piece of the source, `write_text` a text in a format.
    pub(super) fn render(
        &self,
        translated: &Block<'_>,
        mut write: impl FnMut(&mut String, Piece),
        mut write_text: impl FnMut(&mut String, &str, &Format),
    ) -> String {
        let mut new = String::new();
        let mut write_item = |new: &mut String, index: usize| {
            for piece in &self.items[index].pieces {
                write(new, piece.clone());
            }
        };
        let tags = placing::tags(&self.block, translated, self.is_ordered);
        let mut scopes = vec![self.base];
        let mut end = 0;
        (0..self.inside.start).for_each(|index| write_item(&mut new, index));
        for PlacedTag { at, tag } in tags {
            let format = scopes.last().copied().unwrap_or(self.base);
            write_text(&mut new, &translated.text[end..at], &self.formats[format]);
            end = at;
            let (Tag::Open(number) | Tag::Close(number) | Tag::Point(number) | Tag::Opaque(number)) =
                tag;
            match (self.marks[number as usize], tag) {
                (Mark::Point(index), _) => write_item(&mut new, index),
                (Mark::Span { open, base, .. }, Tag::Open(_)) => {
                    write_item(&mut new, open);
                    scopes.push(base);
                }
                (Mark::Format(format), Tag::Open(_)) => scopes.push(format),
                (Mark::Span { close, .. }, _) => {
                    scopes.pop();
                    write_item(&mut new, close);
                }
                (Mark::Format(_), _) => drop(scopes.pop()),
            }
        }
        let format = scopes.last().copied().unwrap_or(self.base);
        write_text(&mut new, &translated.text[end..], &self.formats[format]);
        (self.inside.end..self.items.len()).for_each(|index| write_item(&mut new, index));
        new
    }
}

/// The starts and ends of ranges that nest with everything else become `Open` and
/// `Close`, the others `Ordered`.
fn paired(mut items: Vec<Item>) -> Vec<Item> {
    let ends: HashSet<&String> = items.iter().filter_map(|item| ended(&item.kind)).collect();
    let mut open: Vec<usize> = Vec::new();
    let mut pairs = Vec::new();
    // What is no longer to be found: starts that something was closed around.
    let mut lost: HashSet<usize> = HashSet::new();
    let mut starts: HashMap<&String, usize> = HashMap::new();
    for (index, item) in items.iter().enumerate() {
        match &item.kind {
            Kind::Open => open.push(index),
            Kind::Start(key) if ends.contains(key) => {
                open.push(index);
                starts.insert(key, index);
            }
            Kind::Close => while open.pop().is_some_and(|top| items[top].kind != Kind::Open) {},
            Kind::End(key) => {
                while open.last().is_some_and(|top| lost.contains(top)) {
                    open.pop();
                }
                match starts.remove(key) {
                    Some(start) if open.last() == Some(&start) => {
                        open.pop();
                        pairs.push((start, index));
                    }
                    Some(start) => drop(lost.insert(start)),
                    None => (),
                }
            }
            Kind::Text { .. } | Kind::Start(_) | Kind::Point | Kind::Ordered | Kind::Opaque => (),
        }
    }
    for (start, end) in pairs {
        items[start].kind = Kind::Open;
        items[end].kind = Kind::Close;
    }
    for item in &mut items {
        if matches!(item.kind, Kind::Start(_) | Kind::End(_)) {
            item.kind = Kind::Ordered;
        }
    }
    items
}

fn ended(kind: &Kind) -> Option<&String> {
    if let Kind::End(key) = kind { Some(key) } else { None }
}

/// For each `Open` its `Close`, and the other way round.
fn mates(items: &[Item]) -> HashMap<usize, usize> {
    let mut mates = HashMap::new();
    let mut open = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if item.kind == Kind::Open {
            open.push(index);
        } else if item.kind == Kind::Close
            && let Some(start) = open.pop()
        {
            mates.insert(start, index);
            mates.insert(index, start);
        }
    }
    mates
}

/// Spans without text in them are points.
fn without_empty_spans(items: Vec<Item>) -> Vec<Item> {
    let mates = mates(&items);
    let mut texts = 0;
    let texts_before: Vec<usize> = items
        .iter()
        .map(|item| {
            texts += usize::from(matches!(item.kind, Kind::Text { .. }));
            texts
        })
        .collect();
    let mut joined: Vec<Item> = Vec::with_capacity(items.len());
    // Where the span ends that is being joined into the last item.
    let mut until = 0;
    for (index, item) in items.into_iter().enumerate() {
        if index < until {
            if let Some(last) = joined.last_mut() {
                last.pieces.extend(item.pieces);
                if matches!(item.kind, Kind::Ordered | Kind::Opaque) {
                    last.kind = item.kind;
                }
            }
            continue;
        }
        match mates.get(&index) {
            Some(close)
                if item.kind == Kind::Open && texts_before[index] == texts_before[*close] =>
            {
                until = close + 1;
                joined.push(Item { kind: Kind::Point, pieces: item.pieces });
            }
            _ => joined.push(item),
        }
    }
    joined
}

/// The items without what stands around all of the text, so that it needs no tag.
fn trimmed(items: &[Item], mates: &HashMap<usize, usize>) -> Range<usize> {
    let is_beside = |kind: &Kind| matches!(kind, Kind::Point | Kind::Ordered);
    let mut inside = 0..items.len();
    loop {
        while inside.start < inside.end && is_beside(&items[inside.start].kind) {
            inside.start += 1;
        }
        while inside.start < inside.end && is_beside(&items[inside.end - 1].kind) {
            inside.end -= 1;
        }
        let is_around = inside.start < inside.end
            && items[inside.start].kind == Kind::Open
            && mates.get(&inside.start) == Some(&(inside.end - 1));
        if !is_around {
            return inside;
        }
        inside = inside.start + 1..inside.end - 1;
    }
}

/// Makes the block of the items.
struct Tagger<'i> {
    items: &'i [Item],
    mates: &'i HashMap<usize, usize>,
    inside: Range<usize>,
    bases: HashMap<usize, usize>,
    base: usize,
    block: Block<'static>,
    marks: Vec<Mark>,
    /// The format that is open, the number of its tag, and how many tags there
    /// were behind its last text.
    open: Option<(usize, u32, usize, usize)>,
}

impl<'i> Tagger<'i> {
    fn new(items: &'i [Item], mates: &'i HashMap<usize, usize>, inside: Range<usize>) -> Self {
        let mut tagger = Self {
            items,
            mates,
            inside,
            bases: HashMap::new(),
            base: 0,
            block: Block::default(),
            marks: Vec::new(),
            open: None,
        };
        tagger.find_bases();
        tagger
    }

    /// The format that most of the text has which is directly in a span, for each.
    fn find_bases(&mut self) {
        let mut lengths: Vec<HashMap<usize, usize>> = vec![HashMap::new()];
        let mut open = Vec::new();
        for index in self.inside.clone() {
            match &self.items[index].kind {
                Kind::Text { text, format } => {
                    if let Some(scope) = lengths.last_mut() {
                        *scope.entry(*format).or_default() += text.chars().count();
                    }
                }
                Kind::Open => {
                    open.push(index);
                    lengths.push(HashMap::new());
                }
                Kind::Close => {
                    let base = most(&lengths.pop().unwrap_or_default());
                    self.bases.extend(open.pop().map(|start| (start, base)));
                }
                Kind::Point | Kind::Ordered | Kind::Opaque | Kind::Start(_) | Kind::End(_) => (),
            }
        }
        self.base = most(&lengths.pop().unwrap_or_default());
    }

    fn run(&mut self) {
        let mut scopes = vec![self.base];
        let mut numbers = HashMap::new();
        let mut text = String::new();
        let items = self.items;
        for index in self.inside.clone() {
            let at = text.len();
            match &items[index].kind {
                Kind::Text { text: part, format } => {
                    let is_base = scopes.last() == Some(format);
                    self.change_format((!is_base).then_some(*format), at);
                    text.push_str(part);
                    if let Some((_, _, tags, end)) = &mut self.open {
                        (*tags, *end) = (self.block.tags.len(), text.len());
                    }
                }
                Kind::Open => {
                    self.change_format(None, at);
                    let base = self.bases.get(&index).copied().unwrap_or(self.base);
                    let close = self.mates.get(&index).copied().unwrap_or(index);
                    let number = self.number(Mark::Span { open: index, close, base });
                    numbers.insert(close, number);
                    scopes.push(base);
                    self.block.tags.push(PlacedTag { at, tag: Tag::Open(number) });
                }
                Kind::Close => {
                    self.change_format(None, at);
                    scopes.pop();
                    if let Some(number) = numbers.get(&index) {
                        self.block.tags.push(PlacedTag { at, tag: Tag::Close(*number) });
                    }
                }
                Kind::Opaque => {
                    let number = self.number(Mark::Point(index));
                    self.block.tags.push(PlacedTag { at, tag: Tag::Opaque(number) });
                }
                Kind::Point | Kind::Ordered | Kind::Start(_) | Kind::End(_) => {
                    let number = self.number(Mark::Point(index));
                    self.block.tags.push(PlacedTag { at, tag: Tag::Point(number) });
                }
            }
        }
        self.change_format(None, text.len());
        self.block.text = text.into();
    }

    fn change_format(&mut self, wanted: Option<usize>, at: usize) {
        if let Some((format, number, tags, end)) = self.open {
            if wanted == Some(format) {
                return;
            }
            // Behind its last text, and not behind the points that followed.
            let close = PlacedTag { at: end, tag: Tag::Close(number) };
            self.block.tags.insert(tags, close);
            self.open = None;
        }
        if let Some(format) = wanted {
            let number = self.number(Mark::Format(format));
            self.block.tags.push(PlacedTag { at, tag: Tag::Open(number) });
            self.open = Some((format, number, self.block.tags.len(), at));
        }
    }

    fn number(&mut self, mark: Mark) -> u32 {
        self.marks.push(mark);
        u32::try_from(self.marks.len() - 1).expect("a paragraph is shorter than 4 GB")
    }
}

/// The format with the most characters, the first of them if there are several.
fn most(lengths: &HashMap<usize, usize>) -> usize {
    let longest = lengths.iter().max_by_key(|(format, length)| (**length, usize::MAX - **format));
    longest.map_or(0, |(format, _)| *format)
}
