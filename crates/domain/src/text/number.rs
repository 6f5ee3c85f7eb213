//! Numbers in running text: which they are, and whether they survived.

use std::ops::Range;

/// The numbers of `text` that a translation must have too, in order: such of
/// at least three digits, with a point or the like in them, or a sign of money
/// or share beside them. Small ones may become words.
pub fn numbers(text: &str) -> Vec<Range<usize>> {
    all(text).into_iter().filter(|range| is_telling(&text[range.clone()])).collect()
}

/// Whether every number of `source` that must be in `translation` is there,
/// however its digits are parted.
pub fn keeps_numbers(source: &str, translation: &str) -> bool {
    // Most sentences have none, and need not be looked at in detail.
    if !source.bytes().any(|byte| byte.is_ascii_digit()) {
        return true;
    }
    let wanted = numbers(source);
    if wanted.is_empty() {
        return true;
    }
    let mut there: Vec<String> =
        all(translation).into_iter().map(|range| digits(&translation[range])).collect();
    wanted.into_iter().all(|range| {
        let number = &source[range];
        let found = there.iter().position(|other| *other == digits(number));
        if let Some(at) = found {
            there.swap_remove(at);
            return true;
        }
        // A date may be turned round, and `2021/22` be written as two.
        groups(number).all(|group| {
            let holds = |other: &String| other.contains(group);
            1 < groups(number).count() && there.iter().any(holds)
        })
    })
}

fn all(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut characters = text.char_indices().peekable();
    while let Some((start, character)) = characters.next() {
        if !character.is_ascii_digit() {
            continue;
        }
        let mut end = start + 1;
        while let Some((at, next)) = characters.peek().copied() {
            let after = text[at + next.len_utf8()..].bytes();
            if next.is_ascii_digit() || (is_inner(next) && follows(after, next)) {
                end = at + next.len_utf8();
                characters.next();
            } else {
                break;
            }
        }
        found.push(start..end);
    }
    found
}

// A blank parts digits only where three follow, as in `10 000`.
fn follows(mut after: impl Iterator<Item = u8>, parted_by: char) -> bool {
    let is_digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_digit());
    if !parted_by.is_whitespace() {
        return is_digit(after.next());
    }
    let three = is_digit(after.next()) && is_digit(after.next()) && is_digit(after.next());
    three && !is_digit(after.next())
}

fn is_inner(character: char) -> bool {
    matches!(
        character,
        '.' | ',' | ':' | '/' | '-' | '\'' | '’' | '–' | ' ' | '\u{A0}' | '\u{202F}' | '\u{2009}'
    )
}

fn is_telling(number: &str) -> bool {
    3 <= number.bytes().filter(u8::is_ascii_digit).count()
        || number.contains(|it: char| !it.is_ascii_digit())
}

fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

fn groups(number: &str) -> impl Iterator<Item = &str> {
    number.split(|character: char| !character.is_ascii_digit()).filter(|group| !group.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_matter_are_found() {
        let found = |text: &str| -> Vec<String> {
            numbers(text).into_iter().map(|range| text[range].to_owned()).collect()
        };
        assert_eq!(found("On 2023-05-06 it cost $1,299.50, not 5."), ["2023-05-06", "1,299.50"]);
        assert_eq!(found("10 000 people at 12:30 in 2021"), ["10 000", "12:30", "2021"]);
        assert_eq!(found("8 dogs, 20 cats"), Vec::<String>::new());
    }

    fn check(source: &str, translation: &str, expected: bool) {
        assert_eq!(keeps_numbers(source, translation), expected, "{source} / {translation}");
    }

    #[test]
    fn digits_may_be_parted_in_other_ways() {
        check("It cost $1,299.50.", "Costó 1.299,50 dólares.", true);
        check("10,000 people", "10 000 personas", true);
        check("on 2023-05-06", "el 06/05/2023", true);
        check("at 8", "a las ocho", true);
    }

    #[test]
    fn digits_may_not_change() {
        check("It cost $1,299.50.", "Costó $,299.50.", false);
        check("on 2023-05-06", "en 2023-056", false);
        check("in 1984", "en 1948", false);
        check("1984 and 1984", "1984", false);
    }
}
