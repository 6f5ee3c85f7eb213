//! Blocks cut into the sentences that an engine takes, and put together again.
//!
//! What is not translated (white space, control characters, numbers) stays
//! between the sentences exactly as it was. Tags around a sentence stay around
//! it; only those inside have to find their places anew.
//!
//! Start reading at [`Sentences::of_all`].

use std::collections::HashMap;
use std::ops::Range;

use super::sentences::SentenceRules;
use super::{Block, PlacedTag, Tag, blocks, is_translatable, trimmed};
use crate::language::LanguageCode;

/// A block and the sentences of it that are to be translated.
#[derive(Clone, Debug)]
pub struct Sentences<'a> {
    block: &'a Block<'a>,
    // Invariant: in order, apart, not empty, and at borders of characters.
    all: Vec<Sentence<'a>>,
    // The tags that stand around sentences, in order, as places in `block.tags`.
    outside: Vec<usize>,
}

/// One sentence, or a piece of an overlong one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence<'a> {
    /// The text: no white space around it, no control characters in it, and
    /// something that [`is_translatable`].
    pub text: &'a str,
    /// The tags inside, by their places in the text. One that is opened in an
    /// earlier sentence or closed in a later one stands alone.
    pub tags: Vec<PlacedTag>,
    range: Range<usize>,
}

impl<'a> Sentences<'a> {
    /// Cuts `blocks`, which are written in `language`, into sentences of at most
    /// `bytes_max` bytes each.
    pub fn of_all(blocks: &'a [Block<'a>], language: LanguageCode, bytes_max: usize) -> Vec<Self> {
        // Made once: they hold lists of abbreviations.
        let rules = SentenceRules::of(language);
        blocks.iter().map(|block| Self::of(block, &rules, bytes_max)).collect()
    }

    fn of(block: &'a Block<'a>, rules: &SentenceRules, bytes_max: usize) -> Self {
        let text: &'a str = &block.text;
        let mut sentences = Vec::new();
        for line in blocks(text) {
            let start = line.start;
            rules.cut(&text[line], bytes_max, |piece| {
                let range = trimmed(text, start + piece.start..start + piece.end);
                let text = &text[range.clone()];
                if is_translatable(text) {
                    sentences.push(Sentence { text, tags: Vec::new(), range });
                }
            });
        }
        let mut cut = Self { block, all: sentences, outside: Vec::new() };
        cut.deal_out_tags();
        cut
    }

    /// The sentences, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Sentence<'a>> {
        self.all.iter()
    }

    /// How many sentences there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there is nothing to translate.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The block with a translation in the place of each sentence: its text and
    /// the tags of the sentence, each once, at places in that text.
    pub fn join(
        &self,
        translations: impl IntoIterator<Item = (String, Vec<PlacedTag>)>,
    ) -> Block<'static> {
        let source = &self.block.text;
        let mut text = String::with_capacity(source.len() + source.len() / 4);
        let mut tags = Vec::with_capacity(self.block.tags.len());
        let mut outside = self.outside.iter().map(|index| self.block.tags[*index]).peekable();
        let mut end = 0;
        let mut copy = |text: &mut String, tags: &mut Vec<PlacedTag>, upto: usize, end: usize| {
            let base = text.len();
            while let Some(tag) = outside.next_if(|tag| tag.at <= upto) {
                tags.push(PlacedTag { at: base + tag.at.saturating_sub(end), tag: tag.tag });
            }
            text.push_str(&source[end..upto]);
        };
        for (sentence, (translation, placed)) in self.all.iter().zip(translations) {
            copy(&mut text, &mut tags, sentence.range.start, end);
            let base = text.len();
            tags.extend(placed.iter().map(|tag| PlacedTag { at: base + tag.at, tag: tag.tag }));
            text.push_str(&translation);
            end = sentence.range.end;
        }
        copy(&mut text, &mut tags, source.len(), end);
        Block { text: text.into(), tags }
    }

    fn deal_out_tags(&mut self) {
        let mut opened = HashMap::new();
        let mut partners: Vec<Option<usize>> = vec![None; self.block.tags.len()];
        for (index, placed) in self.block.tags.iter().enumerate() {
            match placed.tag {
                Tag::Open(number) => {
                    opened.insert(number, index);
                }
                Tag::Close(number) => {
                    if let Some(open) = opened.remove(&number) {
                        partners[open] = Some(index);
                        partners[index] = Some(open);
                    }
                }
                Tag::Point(_) | Tag::Opaque(_) => (),
            }
        }
        for (index, placed) in self.block.tags.iter().enumerate() {
            let partner = partners[index].map(|partner| self.block.tags[partner].at);
            // At a border the tag may be of the sentence that ends there or of the next one.
            let first = self.all.partition_point(|it| it.range.end < placed.at);
            let mut near = self.all[first..].iter_mut().take(2);
            match near.find(|it| is_inside(&it.range, *placed, partner)) {
                Some(sentence) => {
                    let at = placed.at - sentence.range.start;
                    sentence.tags.push(PlacedTag { at, tag: placed.tag });
                }
                None => self.outside.push(index),
            }
        }
    }
}

// At the border of a sentence stands inside only what belongs to some of its words.
fn is_inside(sentence: &Range<usize>, placed: PlacedTag, partner: Option<usize>) -> bool {
    let is_within = |at: usize| sentence.start < at && at < sentence.end;
    let is_partner_within = partner.is_some_and(is_within);
    is_within(placed.at)
        || (placed.at == sentence.start && matches!(placed.tag, Tag::Open(_)) && is_partner_within)
        || (placed.at == sentence.end && matches!(placed.tag, Tag::Close(_)) && is_partner_within)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::{marked, shown};
    use super::*;

    fn in_english<'a>(block: &'a Block<'a>, bytes_max: usize) -> Sentences<'a> {
        Sentences::of(block, &SentenceRules::of("en".parse().unwrap()), bytes_max)
    }

    fn cut(block: &Block<'_>) -> Vec<String> {
        let sentences = in_english(block, 1_000);
        sentences.iter().map(|sentence| shown(sentence.text, &sentence.tags)).collect()
    }

    fn check(source: &str, expected: &[&str]) {
        let block = marked(source);
        assert_eq!(cut(&block), expected, "{source}");
        let sentences = in_english(&block, 1_000);
        let same = sentences.iter().map(|it| (it.text.to_owned(), it.tags.clone()));
        let joined = sentences.join(same);
        assert_eq!(joined.text, block.text);
    }

    #[test]
    fn tags_around_a_sentence_stay_around_it() {
        check("<1>Good morning.</1>", &["Good morning."]);
        check("<1/><2>One.</2> <3>Two.</3><4/>", &["One.", "Two."]);
        check("a <1>b</1> c", &["a <1>b</1> c"]);
        check("<1>a</1> b", &["<1>a</1> b"]);
        check("a <1>b</1>", &["a <1>b</1>"]);
        check("<1>a <2>b</2></1>", &["a <2>b</2>"]);
    }

    #[test]
    fn what_spans_sentences_stands_alone_in_each() {
        check("Here <1>it is. And there</1> too.", &["Here <1>it is.", "And there</1> too."]);
    }

    #[test]
    fn an_opaque_tag_is_a_word_of_its_sentence() {
        check("Press <1=> now.", &["Press <1=> now."]);
        check("<1=> 5", &[]);
    }

    #[test]
    fn translations_take_the_places_of_sentences() {
        let block = marked(" <1>One</1> dog.  <2>Two?</2> 3<3/>");
        let sentences = in_english(&block, 1_000);
        let one = marked("Un <1>perro</1>.");
        let joined = sentences
            .join([(one.text.to_string(), one.tags.clone()), ("¿Dos?".to_owned(), Vec::new())]);
        assert_eq!(shown(&joined.text, &joined.tags), " Un <1>perro</1>.  <2>¿Dos?</2> 3<3/>");
    }

    proptest! {
        #[test]
        fn what_is_cut_and_joined_is_unchanged(source in "([ab]|[.] |</?[1-4]>|<[5-8][/=]>|\n){0,40}") {
            let block = marked(&source);
            let sentences = in_english(&block, 20);
            let same = sentences.iter().map(|it| (it.text.to_owned(), it.tags.clone()));
            let joined = sentences.join(same);
            prop_assert_eq!(&joined.text, &block.text);
            let sorted = |tags: &[PlacedTag]| {
                let mut tags: Vec<_> = tags.iter().map(|tag| (tag.at, format!("{:?}", tag.tag))).collect();
                tags.sort();
                tags
            };
            prop_assert_eq!(sorted(&joined.tags), sorted(&block.tags));
            prop_assert!(joined.tags.is_sorted_by_key(|tag| tag.at));
        }
    }
}
