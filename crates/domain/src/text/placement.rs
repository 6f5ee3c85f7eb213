//! Where the tags of a sentence stand in its translation.
//!
//! What an engine knows of how the two correspond says where each tag would
//! like to be; then all are brought into a legal order: each once, nothing
//! crossed, nothing outside of what it was inside of.
//!
//! Start reading at [`place`].

use std::ops::Range;

use super::{PlacedTag, Tag};

/// How a translation corresponds to its source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// Nothing is known.
    #[default]
    None,
    /// For each mark that was asked for, in order, a place in the translation: a
    /// byte offset at the border of a character.
    Marks(Vec<usize>),
    /// Words of the translation, in its order, and what they are translations
    /// of. A word may be in no link, and a source word in several.
    Words(Vec<Link>),
}

/// A word of a translation and what it was made from, as ranges of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// In the source.
    pub source: Range<usize>,
    /// In the translation.
    pub target: Range<usize>,
}

/// The tags of `source` at their places in `target`: all of them, each once.
///
/// `tags` are in order, and properly nested as far as both ends are there.
pub fn place(source: &str, tags: &[PlacedTag], target: &str, links: &Links) -> Vec<PlacedTag> {
    if tags.is_empty() {
        return Vec::new();
    }
    let mut nodes = tree(source, tags);
    let guess = Guess { source, target, links };
    guess.place_all(&mut nodes, tags);
    let mut placed = Vec::with_capacity(tags.len());
    settle(nodes, 0..target.len(), &mut placed);
    placed
}

/// A tag, or two with what is between them.
#[derive(Debug)]
struct Node {
    open: Option<Tag>,
    close: Option<Tag>,
    // Of the tags, by their places in the list; one alone stands for both.
    first: usize,
    last: usize,
    source: Range<usize>,
    target: Range<usize>,
    inner: Vec<Node>,
}

/// What was opened and not closed yet: the tag and its place in the list, where
/// it stands, and what is inside so far. The bottom is not opened by any tag.
#[derive(Default)]
struct Frame {
    opened: Option<(Tag, usize)>,
    start: usize,
    inner: Vec<Node>,
}

/// Makes nodes of tags. What is opened before the sentence begins with it, and
/// what is closed after it ends with it.
fn tree(source: &str, tags: &[PlacedTag]) -> Vec<Node> {
    let (mut bottom, mut open): (Vec<Node>, Vec<Frame>) = (Vec::new(), Vec::new());
    for (index, placed) in tags.iter().enumerate() {
        let node = |open, close, first, start, inner| Node {
            open,
            close,
            first,
            last: index,
            source: start..placed.at,
            target: 0..0,
            inner,
        };
        let node = match placed.tag {
            Tag::Open(_) => {
                let opened = Some((placed.tag, index));
                open.push(Frame { opened, start: placed.at, inner: Vec::new() });
                continue;
            }
            Tag::Point(_) | Tag::Opaque(_) => {
                node(Some(placed.tag), None, index, placed.at, Vec::new())
            }
            Tag::Close(_) => {
                // What was opened before the sentence holds all there is so far.
                let Frame { opened, start, inner } = open.pop().unwrap_or_else(|| Frame {
                    inner: std::mem::take(&mut bottom),
                    ..Frame::default()
                });
                let (tag, first) = opened.map_or((None, index), |(tag, at)| (Some(tag), at));
                node(tag, Some(placed.tag), first, start, inner)
            }
        };
        open.last_mut().map_or(&mut bottom, |frame| &mut frame.inner).push(node);
    }
    while let Some(Frame { opened, start, inner }) = open.pop() {
        let (tag, first) = opened.map_or((None, 0), |(tag, at)| (Some(tag), at));
        let source = start..source.len();
        let whole =
            Node { open: tag, close: None, first, last: first, source, target: 0..0, inner };
        open.last_mut().map_or(&mut bottom, |frame| &mut frame.inner).push(whole);
    }
    bottom
}

impl Node {
    fn is_point(&self) -> bool {
        matches!(self.open, Some(Tag::Point(_) | Tag::Opaque(_)))
    }
}

/// Puts nodes where they may be, in order, within `room`.
///
/// Nesting is as deep as the source has it, which its format bounds.
fn settle(mut nodes: Vec<Node>, room: Range<usize>, placed: &mut Vec<PlacedTag>) {
    // What is open at both ends stays at both ends; the sort is stable, so that
    // tags of one place keep their order.
    nodes.sort_by_key(|node| (node.target.start, node.target.end));
    let mut free = room.start;
    for node in nodes {
        let start = node.target.start.clamp(free, room.end);
        let end = node.target.end.clamp(start, room.end);
        placed.extend(node.open.map(|tag| PlacedTag { at: start, tag }));
        settle(node.inner, start..end, placed);
        placed.extend(node.close.map(|tag| PlacedTag { at: end, tag }));
        free = end;
    }
}

/// Where nodes would like to be.
struct Guess<'a> {
    source: &'a str,
    target: &'a str,
    links: &'a Links,
}

impl Guess<'_> {
    fn place_all(&self, nodes: &mut [Node], tags: &[PlacedTag]) {
        for node in nodes {
            node.target = self.place(node, tags.len());
            self.place_all(&mut node.inner, tags);
        }
    }

    fn place(&self, node: &Node, tags: usize) -> Range<usize> {
        let mut range = match self.links {
            Links::Marks(marks) if marks.len() == tags => self.by_marks(node, marks),
            Links::Words(links) if !links.is_empty() => self.by_words(node, links),
            Links::None | Links::Marks(_) | Links::Words(_) => self.by_proportion(node),
        };
        // One end of it is in another sentence.
        if node.open.is_none() {
            range.start = 0;
        }
        if node.close.is_none() && !node.is_point() {
            range.end = self.target.len();
        }
        range
    }

    fn by_marks(&self, node: &Node, marks: &[usize]) -> Range<usize> {
        let (start, end) = (marks[node.first], marks[node.last]);
        self.within_target(start.min(end))..self.within_target(start.max(end))
    }

    fn within_target(&self, at: usize) -> usize {
        self.target.floor_char_boundary(at.min(self.target.len()))
    }

    fn by_words(&self, node: &Node, links: &[Link]) -> Range<usize> {
        if node.source.is_empty() || node.is_point() {
            let at = self.within_target(self.point_by_words(node.source.start, links));
            return at..at;
        }
        if let Some(same) = self.verbatim(&node.source) {
            return same;
        }
        let is_of = |link: &Link| {
            let middle = link.source.start + link.source.len() / 2;
            node.source.contains(&middle)
        };
        let Some(words) = densest(links, is_of) else { return self.by_proportion(node) };
        // Engines are not trusted to keep the order they promise.
        let words = &links[words];
        let start = words.iter().map(|link| link.target.start).min().unwrap_or(0);
        let end = words.iter().map(|link| link.target.end).max().unwrap_or(start);
        let range = self.within_target(start)..self.within_target(end.max(start));
        self.without_punctuation(&self.source[node.source.clone()], range)
    }

    /// A point belongs to the word that it touches, else to the one before.
    fn point_by_words(&self, at: usize, links: &[Link]) -> usize {
        let touches_next = self.source[..at].ends_with(char::is_whitespace)
            && !self.source[at..].starts_with(char::is_whitespace);
        let before = links.iter().filter(|link| link.source.end <= at);
        let after = links.iter().filter(|link| at <= link.source.start);
        let last_before = before.max_by_key(|link| (link.source.end, link.target.end));
        let first_after = after.min_by_key(|link| (link.source.start, link.target.start));
        match (last_before, first_after) {
            (_, Some(next)) if touches_next => next.target.start,
            (Some(last), _) => last.target.end,
            (None, Some(next)) => next.target.start,
            (None, None) => border_near(self.target, self.proportional(at)),
        }
    }

    fn by_proportion(&self, node: &Node) -> Range<usize> {
        if node.is_point() || node.source.is_empty() {
            let at = border_near(self.target, self.proportional(node.source.start));
            return at..at;
        }
        if let Some(same) = self.verbatim(&node.source) {
            return same;
        }
        let start = border_near(self.target, self.proportional(node.source.start));
        let end = border_near(self.target, self.proportional(node.source.end));
        let end = if start < end { end } else { end_of_word(self.target, start) };
        // A word begins after the blank, and what follows it begins before.
        let skipped = self.target[start..end].len() - self.target[start..end].trim_start().len();
        self.without_punctuation(&self.source[node.source.clone()], start + skipped..end)
    }

    /// Names and numbers are often the same in both languages.
    fn verbatim(&self, source: &Range<usize>) -> Option<Range<usize>> {
        let words = self.source[source.clone()].trim();
        if words.len() < 2 || !is_whole(self.source, source) {
            return None;
        }
        let mut found = self.target.match_indices(words);
        let (start, _) = found.next()?;
        let range = start..start + words.len();
        (found.next().is_none() && is_whole(self.target, &range)).then_some(range)
    }

    fn proportional(&self, at: usize) -> usize {
        at * self.target.len() / self.source.len().max(1)
    }

    /// Marks that a word of the translation drags along stay outside if the
    /// source has none there.
    fn without_punctuation(&self, source: &str, range: Range<usize>) -> Range<usize> {
        let text = &self.target[range.clone()];
        let mut inner = text.trim();
        if !source.trim_end().ends_with(is_mark) {
            inner = inner.trim_end_matches(is_mark);
        }
        if !source.trim_start().starts_with(is_mark) {
            inner = inner.trim_start_matches(is_mark);
        }
        if inner.is_empty() {
            return range;
        }
        let start = range.start + text.find(inner).unwrap_or(0);
        start..start + inner.len()
    }
}

/// The longest stretch of `links` in which hardly a word is not of those meant.
fn densest(links: &[Link], is_meant: impl Fn(&Link) -> bool) -> Option<Range<usize>> {
    /// Words in between that may be of something else, such as articles.
    const STRANGERS_MAX: usize = 1;
    let meant: Vec<usize> = (0..links.len()).filter(|index| is_meant(&links[*index])).collect();
    let stretches = meant.chunk_by(|a, b| b - a <= STRANGERS_MAX + 1);
    let longest = stretches.max_by_key(|stretch| stretch.len())?;
    Some(*longest.first()?..*longest.last()? + 1)
}

fn is_mark(character: char) -> bool {
    ".,;:!?…)]}»”’\"'¿¡([{«“‘。，、；：！？）（".contains(character)
}

/// Whether no word is cut at either end of `range`.
fn is_whole(text: &str, range: &Range<usize>) -> bool {
    let joins = |before: &str, after: &str| {
        before.ends_with(char::is_alphanumeric) && after.starts_with(char::is_alphanumeric)
    };
    !joins(&text[..range.start], &text[range.start..])
        && !joins(&text[..range.end], &text[range.end..])
}

/// The border of a word that is nearest to `at`: before a blank or at an end.
fn border_near(text: &str, at: usize) -> usize {
    let at = text.floor_char_boundary(at.min(text.len()));
    if !text.contains(char::is_whitespace) {
        return at;
    }
    let before = text[..at].rfind(char::is_whitespace).unwrap_or(0);
    let after = text[at..].find(char::is_whitespace).map_or(text.len(), |len| at + len);
    if at - before <= after - at { before } else { after }
}

fn end_of_word(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    let word = rest.trim_start();
    let skipped = rest.len() - word.len();
    start + skipped + word.find(char::is_whitespace).unwrap_or(word.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{marked, shown};
    use super::*;

    /// Word links by the places of words: `"0 2 1"` says that the second word
    /// of the translation is the third of the source.
    fn words(source: &str, target: &str, links: &str) -> Links {
        let ranges = |text: &str| -> Vec<Range<usize>> {
            let offset = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
            text.split_whitespace().map(|word| offset(word)..offset(word) + word.len()).collect()
        };
        let source = ranges(source);
        let numbers = links.split_whitespace().map(|number| number.parse::<usize>().unwrap());
        let link = |(target, number): (Range<usize>, usize)| Link {
            source: source[number].clone(),
            target,
        };
        Links::Words(ranges(target).into_iter().zip(numbers).map(link).collect())
    }

    fn check(source: &str, target: &str, links: &str, expected: &str) {
        let block = marked(source);
        let links = match links {
            "" => Links::None,
            links => words(&block.text, target, links),
        };
        let placed = place(&block.text, &block.tags, target, &links);
        assert_eq!(shown(target, &placed), expected);
    }

    #[test]
    fn tags_go_with_their_words() {
        check("the <1>red</1> house", "la casa roja", "0 2 1", "la casa <1>roja</1>");
        check("the <1>red house</1>.", "la casa roja.", "0 2 1", "la <1>casa roja</1>.");
        check(
            "<1>Open</1> the <2>file</2>",
            "Abra el archivo",
            "0 1 2",
            "<1>Abra</1> el <2>archivo</2>",
        );
        check(
            "a <1>big <2>red</2> dog</1>",
            "un perro rojo grande",
            "0 3 2 1",
            "un <1>perro <2>rojo</2> grande</1>",
        );
        check("I <1>am</1> tired", "Estoy cansado", "1 2", "<1>Estoy</1> cansado");
    }

    #[test]
    fn points_stay_at_the_words_they_touch() {
        check("the house<1/> is red", "roja es la casa", "3 2 0 1", "roja es la casa<1/>");
        check("see <1/>this book", "mira este libro", "0 1 2", "mira <1/>este libro");
    }

    #[test]
    fn what_is_half_outside_goes_to_the_end_of_the_sentence() {
        let tags = [PlacedTag { at: 4, tag: Tag::Open(1) }];
        let placed = place(
            "the red house",
            &tags,
            "la casa roja",
            &words("the red house", "la casa roja", "0 2 1"),
        );
        assert_eq!(shown("la casa roja", &placed), "la <1>casa roja");
        let tags = [PlacedTag { at: 7, tag: Tag::Close(1) }];
        let placed = place("the red house", &tags, "la casa roja", &Links::None);
        assert!(shown("la casa roja", &placed).contains("</1>"));
    }

    #[test]
    fn without_links_tags_stand_at_borders_of_words() {
        check("one <1>two</1> three four", "uno dos tres cuatro", "", "uno <1>dos</1> tres cuatro");
        check("Use <1>GitHub</1> daily", "A diario use GitHub", "", "A diario use <1>GitHub</1>");
    }

    proptest! {
        #[test]
        fn no_tag_is_lost_doubled_or_crossed(
            source in "([ab .]|</?[1-4]>|<[5-8][/=]>){0,30}",
            target in "[cd é.]{0,20}",
            links in prop::option::of(prop::collection::vec((0usize..30, 0usize..20), 0..8)),
            marks in prop::option::of(prop::collection::vec(0usize..30, 0..12)),
        ) {
            let block = marked(&source);
            let border = |text: &str, at: usize| text.floor_char_boundary(at.min(text.len()));
            let links = match (links, marks) {
                (Some(links), _) => Links::Words(links.into_iter().map(|(from, to)| Link {
                    source: border(&block.text, from)..border(&block.text, from + 2),
                    target: border(&target, to)..border(&target, to + 2),
                }).collect()),
                (None, Some(marks)) => Links::Marks(marks),
                (None, None) => Links::None,
            };
            let placed = place(&block.text, &block.tags, &target, &links);
            prop_assert_eq!(placed.len(), block.tags.len());
            prop_assert!(placed.is_sorted_by_key(|tag| tag.at));
            // Written and read again it is the same: every tag once, nested properly.
            let again = marked(&shown(&target, &placed));
            prop_assert_eq!(again.tags, placed);
        }
    }
}
