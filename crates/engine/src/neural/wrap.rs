//! Sentences that are longer than a model reads at once, cut into pieces.
//!
//! A model reads 127 pieces and the end mark. Cuts fall after punctuation if
//! possible, else between words, else between characters, and the parts come
//! out of about the same length: a short rest would translate badly.

use std::ops::Range;

use super::inference::SOURCE_TOKENS_MAX;
use super::vocabulary::{Border, Token};

/// The most tokens that are translated in one piece, without the end mark.
pub(super) const TOKENS_MAX: usize = SOURCE_TOKENS_MAX - 1;

/// One part of a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) tokens: Range<usize>,
    /// Whether it was parted from the one before within a word.
    pub(super) within_word: bool,
}

/// Cuts `tokens` into parts of at most [`TOKENS_MAX`]; none if there are none.
pub(super) fn wrap(tokens: &[Token]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut start = 0;
    while start < tokens.len() {
        let end = start + first_part(&tokens[start..]);
        let within_word = matches!(tokens[start].border, Border::Byte | Border::Character);
        parts.push(Part { tokens: start..end, within_word });
        start = end;
    }
    parts
}

fn first_part(tokens: &[Token]) -> usize {
    if tokens.len() <= TOKENS_MAX {
        return tokens.len();
    }
    let parts = tokens.len().div_ceil(TOKENS_MAX);
    let ideal = tokens.len().div_ceil(parts);
    let nearest = |from: usize, borders: &[Border]| {
        (from..=TOKENS_MAX)
            .filter(|at| borders.contains(&tokens[*at].border))
            .min_by_key(|at| at.abs_diff(ideal))
    };
    nearest(ideal / 2, &[Border::Pause])
        .or_else(|| nearest(1, &[Border::Pause, Border::Word]))
        .or_else(|| nearest(1, &[Border::Character]))
        .unwrap_or(TOKENS_MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(letter: char) -> Token {
        let border = match letter {
            ',' => Border::Pause,
            '_' => Border::Word,
            '+' => Border::Byte,
            _ => Border::Character,
        };
        Token { id: 0, border }
    }

    fn check(pattern: &str, expected: &[(usize, bool)]) {
        let tokens: Vec<Token> = pattern.chars().map(token).collect();
        let found: Vec<(usize, bool)> =
            wrap(&tokens).iter().map(|part| (part.tokens.len(), part.within_word)).collect();
        assert_eq!(found, expected, "{pattern}");
    }

    #[test]
    fn what_fits_is_not_cut() {
        check("", &[]);
        check("_a,b", &[(4, false)]);
        check(&"_".repeat(127), &[(127, false)]);
    }

    #[test]
    fn cuts_fall_after_punctuation_then_between_words_then_between_characters() {
        check(&"_a".repeat(100), &[(100, false), (100, false)]);
        check(&format!("{},{}", "_".repeat(60), "_".repeat(80)), &[(60, false), (81, false)]);
        check(&format!("_,_,{}", "_".repeat(130)), &[(67, false), (67, false)]);
        check(&format!("_{}", "a".repeat(129)), &[(65, false), (65, true)]);
        check(&format!("_{}", "a+++".repeat(33)), &[(65, false), (68, true)]);
    }

    proptest! {
        #[test]
        fn parts_are_short_and_nothing_is_lost(pattern in "[_a,+]{0,700}") {
            let tokens: Vec<Token> = pattern.chars().map(token).collect();
            let mut end = 0;
            for part in wrap(&tokens) {
                prop_assert_eq!(part.tokens.start, end);
                prop_assert!(!part.tokens.is_empty() && part.tokens.len() <= TOKENS_MAX);
                end = part.tokens.end;
            }
            prop_assert_eq!(end, tokens.len());
        }
    }
}
