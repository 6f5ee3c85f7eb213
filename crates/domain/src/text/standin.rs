//! Stand-ins: what must not change goes through an engine as a word that
//! engines copy, and is put back afterwards.
//!
//! An engine sees `Click X1 to open it.` for `Click {name} to open it.`; a name
//! between others is what models copy most surely. Whether every stand-in came
//! back exactly once is looked at, never hoped for.
//!
//! Start reading at [`Protected::of`].

use std::borrow::Cow;
use std::ops::Range;

use super::{PlacedTag, Sentence, Tag, is_translatable};

/// More stand-ins in one sentence than any engine keeps apart.
const STAND_INS_MAX: usize = 30;

/// What stand-ins look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StandIn {
    /// `X1`, like a name.
    Word,
    /// `{1}`, like a placeholder.
    Brace,
}

/// A sentence in which stand-ins stand for what must not change.
#[derive(Clone, Debug)]
pub struct Protected<'a> {
    /// What an engine gets to see.
    pub text: Cow<'a, str>,
    /// The tags to be placed in the translation, by their places in `text`.
    pub tags: Vec<PlacedTag>,
    kept: Vec<Kept>,
}

#[derive(Clone, Debug)]
struct Kept {
    /// The place of the stand-in in the text.
    range: Range<usize>,
    /// What it stands for.
    meant: Meant,
}

#[derive(Clone, Debug)]
enum Meant {
    Text(String),
    Tag(Tag),
}

/// A part of a sentence that is translated in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<'p> {
    /// This is to be translated, with the white space around it kept.
    Text(&'p str, Vec<PlacedTag>),
    /// This stays.
    Kept(&'p str),
    /// This tag stays.
    Tag(Tag),
}

impl<'a> Protected<'a> {
    /// Puts stand-ins in the places of `spans` of `sentence`, each of which is
    /// to become the text beside it, and of its opaque tags. `spans` are in
    /// order and apart.
    pub fn of(sentence: &Sentence<'a>, spans: &[(Range<usize>, String)], style: StandIn) -> Self {
        let is_opaque = |tag: &PlacedTag| matches!(tag.tag, Tag::Opaque(_));
        if spans.is_empty() && !sentence.tags.iter().any(is_opaque) {
            let tags = sentence.tags.clone();
            return Self { text: Cow::Borrowed(sentence.text), tags, kept: Vec::new() };
        }
        let prefix = prefix(sentence.text);
        let mut protected =
            Self { text: Cow::Owned(String::new()), tags: Vec::new(), kept: Vec::new() };
        let mut tags = sentence.tags.iter().peekable();
        let mut end = 0;
        for (range, meant) in spans {
            while let Some(tag) = tags.next_if(|tag| tag.at <= range.start) {
                protected.push_tag(sentence.text, *tag, &mut end, style, prefix);
            }
            protected.push(&sentence.text[end..range.start]);
            protected.stand_in(Meant::Text(meant.clone()), style, prefix);
            end = range.end;
            // What stands within it goes behind it.
            while let Some(tag) = tags.next_if(|tag| tag.at < range.end) {
                let tag = PlacedTag { at: range.end, tag: tag.tag };
                protected.push_tag(sentence.text, tag, &mut end, style, prefix);
            }
        }
        for tag in tags {
            protected.push_tag(sentence.text, *tag, &mut end, style, prefix);
        }
        protected.push(&sentence.text[end..]);
        protected
    }

    /// Whether there is anything but stand-ins to translate, and not too many of them.
    pub fn is_translatable(&self) -> bool {
        let has_words = |(start, end): (usize, usize)| is_translatable(&self.text[start..end]);
        self.gaps().any(has_words)
    }

    /// Whether an engine can be expected to bring all stand-ins back.
    pub fn is_bearable(&self) -> bool {
        self.kept.len() <= STAND_INS_MAX
    }

    /// The translation with everything back in its place; `tags` are placed in
    /// it already. None if a stand-in is missing or doubled.
    pub fn restore(
        &self,
        translation: String,
        tags: Vec<PlacedTag>,
    ) -> Option<(String, Vec<PlacedTag>)> {
        if self.kept.is_empty() {
            return Some((translation, tags));
        }
        let found = self.found_in(&translation)?;
        let mut text = String::with_capacity(2 * translation.len());
        let mut placed = Vec::with_capacity(tags.len() + self.kept.len());
        let mut tags = tags.into_iter().peekable();
        let mut end = 0;
        for (range, kept) in found {
            while let Some(tag) = tags.next_if(|tag| tag.at <= range.start) {
                placed.push(PlacedTag { at: text.len() + tag.at - end.min(tag.at), tag: tag.tag });
            }
            text.push_str(&translation[end..range.start]);
            match &self.kept[kept].meant {
                Meant::Text(meant) => text.push_str(meant),
                Meant::Tag(tag) => placed.push(PlacedTag { at: text.len(), tag: *tag }),
            }
            end = range.end;
            while let Some(tag) = tags.next_if(|tag| tag.at < range.end) {
                placed.push(PlacedTag { at: text.len(), tag: tag.tag });
            }
        }
        let base = text.len();
        placed.extend(tags.map(|tag| PlacedTag { at: base + tag.at - end, tag: tag.tag }));
        text.push_str(&translation[end..]);
        Some((text, placed))
    }

    /// The sentence in parts, for when an engine did not bring stand-ins back.
    pub fn parts(&self) -> Vec<Part<'_>> {
        let mut parts = Vec::new();
        let mut tags = self.tags.iter().copied().peekable();
        for (nth, (start, end)) in self.gaps().enumerate() {
            let mut inner = Vec::new();
            while let Some(tag) = tags.next_if(|tag| tag.at <= end) {
                inner.push(PlacedTag { at: tag.at.saturating_sub(start), tag: tag.tag });
            }
            parts.push(Part::Text(&self.text[start..end], inner));
            parts.extend(self.kept.get(nth).map(|kept| match &kept.meant {
                Meant::Text(meant) => Part::Kept(meant),
                Meant::Tag(tag) => Part::Tag(*tag),
            }));
        }
        parts
    }

    fn gaps(&self) -> impl Iterator<Item = (usize, usize)> {
        let starts = std::iter::once(0).chain(self.kept.iter().map(|kept| kept.range.end));
        let ends = self.kept.iter().map(|kept| kept.range.start);
        starts.zip(ends.chain(std::iter::once(self.text.len())))
    }

    fn push(&mut self, text: &str) {
        self.text.to_mut().push_str(text);
    }

    fn push_tag(
        &mut self,
        source: &str,
        placed: PlacedTag,
        end: &mut usize,
        style: StandIn,
        prefix: char,
    ) {
        let at = placed.at.max(*end);
        self.push(&source[*end..at]);
        *end = at;
        match placed.tag {
            Tag::Opaque(_) => self.stand_in(Meant::Tag(placed.tag), style, prefix),
            Tag::Open(_) | Tag::Close(_) | Tag::Point(_) => {
                self.tags.push(PlacedTag { at: self.text.len(), tag: placed.tag });
            }
        }
    }

    fn stand_in(&mut self, meant: Meant, style: StandIn, prefix: char) {
        let start = self.text.len();
        let number = self.kept.len() + 1;
        self.push(&match style {
            StandIn::Word => format!("{prefix}{number}"),
            StandIn::Brace => format!("{{{number}}}"),
        });
        self.kept.push(Kept { range: start..self.text.len(), meant });
    }

    /// Where the stand-ins are in `translation`, in its order.
    fn found_in(&self, translation: &str) -> Option<Vec<(Range<usize>, usize)>> {
        let mut found = Vec::with_capacity(self.kept.len());
        for (index, kept) in self.kept.iter().enumerate() {
            let name = &self.text[kept.range.clone()];
            // What it is joined to in the source it may be joined to here.
            let (before, after) = joined(&self.text, &kept.range);
            let mut whole = translation
                .match_indices(name)
                .map(|(start, _)| start..start + name.len())
                .filter(|range| {
                    let (joined_before, joined_after) = joined(translation, range);
                    joined_before <= before && joined_after <= after
                });
            found.push((whole.next()?, index));
            if whole.next().is_some() {
                return None;
            }
        }
        found.sort_by_key(|(range, _)| range.start);
        Some(found)
    }
}

/// A letter that no stand-in of the text could be taken for another word with.
fn prefix(text: &str) -> char {
    let is_free = |letter: &char| {
        !text
            .match_indices(*letter)
            .any(|(at, _)| text[at + 1..].starts_with(|next: char| next.is_ascii_digit()))
    };
    ['X', 'Q', 'Z', 'K', 'W'].into_iter().find(is_free).unwrap_or('X')
}

/// What stands right beside a stand-in, the more confusing the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Neighbor {
    /// Nothing that could be part of a name. Letters of scripts without blanks
    /// may always stand beside one.
    Apart,
    Letter,
    /// `X1` before it could be `X12`.
    Digit,
}

fn joined(text: &str, range: &Range<usize>) -> (Neighbor, Neighbor) {
    let kind = |neighbor: Option<char>| match neighbor {
        Some(digit) if digit.is_ascii_digit() => Neighbor::Digit,
        Some(letter) if letter.is_ascii_alphabetic() => Neighbor::Letter,
        Some(_) | None => Neighbor::Apart,
    };
    let (before, after) = (&text[..range.start], &text[range.end..]);
    (kind(before.chars().next_back()), kind(after.chars().next()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{marked, shown};
    use super::super::{Sentences, placeholders};
    use super::*;

    fn protect<R>(source: &str, style: StandIn, see: impl FnOnce(&Protected<'_>) -> R) -> R {
        let block = marked(source);
        let blocks = [block];
        let sentences = Sentences::of_all(&blocks, "en".parse().unwrap(), 10_000);
        let sentence = sentences[0].iter().next().unwrap();
        let spans: Vec<_> = placeholders(sentence.text)
            .into_iter()
            .map(|range| (range.clone(), sentence.text[range].to_owned()))
            .collect();
        see(&Protected::of(sentence, &spans, style))
    }

    fn check(source: &str, seen: &str, translation: &str, expected: Option<&str>) {
        protect(source, StandIn::Word, |protected| {
            assert_eq!(shown(&protected.text, &protected.tags), seen);
            let translation = marked(translation);
            let restored =
                protected.restore(translation.text.to_string(), translation.tags.clone());
            let restored = restored.map(|(text, tags)| shown(&text, &tags));
            assert_eq!(restored.as_deref(), expected);
        });
    }

    #[test]
    fn what_must_not_change_goes_through_as_a_name() {
        check("Hi {a}, see {b}", "Hi X1, see X2", "Ve X2, hola X1", Some("Ve {b}, hola {a}"));
        check("Hi X5 and {a}", "Hi X5 and Q1", "Hola X5 y Q1", Some("Hola X5 y {a}"));
        check("Press <1=> now", "Press X1 now", "Pulse X1 ya", Some("Pulse <1=> ya"));
        check(
            "Go to <1>{a}</1> or <2>b</2>",
            "Go to <1>X1</1> or <2>b</2>",
            "O <2>b</2> o <1>X1</1>",
            Some("O <2>b</2> o <1>{a}</1>"),
        );
        check("No {a}", "No X1", "我看X1了", Some("我看{a}了"));
    }

    #[test]
    fn what_is_lost_or_doubled_is_noticed() {
        check("Hi {a}", "Hi X1", "Hola", None);
        check("Hi {a}", "Hi X1", "Hola X1 X1", None);
        check("Hi {a}", "Hi X1", "Hola X12", None);
    }

    #[test]
    fn a_sentence_of_names_needs_no_engine() {
        protect("{a}: {b}", StandIn::Word, |protected| assert!(!protected.is_translatable()));
        protect("{a} and {b}", StandIn::Brace, |protected| {
            assert!(protected.is_translatable());
            assert_eq!(protected.text, "{1} and {2}");
        });
    }

    #[test]
    fn parts_are_what_is_between() {
        protect("Hi {a}, <1>you</1><2=>!", StandIn::Word, |protected| {
            let shown: Vec<String> = protected
                .parts()
                .into_iter()
                .map(|part| match part {
                    Part::Text(text, tags) => shown(text, &tags),
                    Part::Kept(text) => format!("|{text}|"),
                    Part::Tag(tag) => format!("{tag:?}"),
                })
                .collect();
            assert_eq!(shown, ["Hi ", "|{a}|", ", <1>you</1>", "Opaque(2)", "!"]);
        });
    }

    proptest! {
        #[test]
        fn what_goes_through_unchanged_comes_back(source in "a ([ab {}.]|%s|[{]x[}]|</?[1-4]>|<[5-8][/=]>){0,30} b") {
            for style in [StandIn::Word, StandIn::Brace] {
                protect(&source, style, |protected| {
                    let (text, tags) = protected
                        .restore(protected.text.to_string(), protected.tags.clone())
                        .expect("all stand-ins are there");
                    let again = marked(&shown(&text, &tags));
                    assert_eq!(again.text, text.as_str());
                });
            }
        }
    }
}
