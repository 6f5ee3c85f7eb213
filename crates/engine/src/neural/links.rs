//! Which words of a translation stand for which words of its source.
//!
//! Pure functions on ranges of bytes; `sentence.rs` knows what they are ranges of.

use std::ops::Range;

use crate::Link;

/// The words of `text`: runs of characters that are not blank.
pub(super) fn words(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let words = text.split_inclusive(char::is_whitespace).filter_map(|word| {
        let end = start + word.trim_end().len();
        let range = start..end;
        start += word.len();
        (!range.is_empty()).then_some(range)
    });
    words.collect()
}

/// The words of `text`, or its characters if the language has no blanks between words.
pub(super) fn units(text: &str, has_words: bool) -> Vec<Range<usize>> {
    if has_words {
        return words(text);
    }
    let characters = text.char_indices().filter(|(_, character)| !character.is_whitespace());
    characters.map(|(at, character)| at..at + character.len_utf8()).collect()
}

/// The smallest range with all of `ranges` in it that are not empty.
pub(super) fn hull(ranges: impl Iterator<Item = Range<usize>>) -> Option<Range<usize>> {
    ranges.filter(|range| !range.is_empty()).reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))
}

/// What a word owes most to. `origins` says for each token of the source where
/// it is from, and each of `shares`, one for each token of the word, how much
/// it owes to each of those and then to the end mark.
///
/// Tokens of a word count together, on both sides: one of them alone often
/// looks at its neighbors. The end mark is where models look when they look at
/// nothing, and is no answer.
pub(super) fn largest_origin<'a>(
    origins: &[Range<usize>],
    shares: impl Iterator<Item = &'a [f32]>,
) -> Option<Range<usize>> {
    let mut sums = vec![0.0; origins.len()];
    for shares in shares {
        for (sum, share) in sums.iter_mut().zip(shares) {
            *sum += share;
        }
    }
    let mut rest = sums.as_slice();
    let mut largest: Option<(f32, &Range<usize>)> = None;
    for tokens in origins.chunk_by(|a, b| a == b) {
        let (of_word, others) = rest.split_at(tokens.len());
        rest = others;
        let sum = of_word.iter().sum();
        if !tokens[0].is_empty() && largest.is_none_or(|(most, _)| most < sum) {
            largest = Some((sum, &tokens[0]));
        }
    }
    largest.filter(|(sum, _)| 0.0 < *sum).map(|(_, range)| range.clone())
}

/// Adds a link, or lets the last one grow if it stands for the same and ends there.
pub(super) fn push(links: &mut Vec<Link>, link: Link) {
    if let Some(last) = links.last_mut()
        && last.target.end == link.target.start
        && last.source == link.source
    {
        last.target.end = link.target.end;
        return;
    }
    links.push(link);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_stands_between_blanks() {
        let found = |text, has_words| {
            let ranges = units(text, has_words).into_iter();
            ranges.map(|range| &text[range]).collect::<Vec<&str>>()
        };
        assert_eq!(found(" a bc\u{A0}é! ", true), ["a", "bc", "é!"]);
        assert_eq!(found("漢字 a", false), ["漢", "字", "a"]);
        assert!(found(" ", true).is_empty() && found("", false).is_empty());
    }

    #[test]
    fn a_word_stands_for_what_all_its_tokens_owe_most_to() {
        let origins = [0..4, 0..4, 5..9, 0..0];
        let found = |shares: &[&[f32]]| largest_origin(&origins, shares.iter().copied());
        assert_eq!(found(&[&[0.3, 0.3, 0.4, 0.0, 0.0]]), Some(0..4));
        assert_eq!(found(&[&[0.4, 0.2, 0.4, 0.0, 0.0], &[0.1, 0.0, 0.5, 0.0, 0.4]]), Some(5..9));
        assert_eq!(found(&[&[0.0, 0.0, 0.1, 0.2, 0.7]]), Some(5..9));
        assert_eq!(found(&[]), None);
    }

    #[test]
    fn links_grow_only_where_they_touch() {
        let mut links = Vec::new();
        for (source, target) in [(0..2, 0..3), (0..2, 3..6), (0..2, 7..9), (2..4, 9..10)] {
            push(&mut links, Link { source, target });
        }
        let targets: Vec<Range<usize>> = links.into_iter().map(|link| link.target).collect();
        assert_eq!(targets, [0..6, 7..9, 9..10]);
    }
}
