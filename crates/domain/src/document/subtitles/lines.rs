//! Setting text on lines of about the same length.
//!
//! Start reading at [`breaks`].

use std::ops::Range;

/// What the text of a speaker begins with.
pub(super) const DASHES: [char; 4] = ['-', '–', '—', '‐'];

/// Where `text` is broken so that it stands on `lines` lines, or on fewer if it
/// has too few places for that. The ranges are the blanks that fall away, and may
/// be empty.
pub(super) fn breaks(text: &str, lines: usize) -> Vec<Range<usize>> {
    let mut breaks: Vec<Range<usize>> = Vec::new();
    if lines < 2 {
        return breaks;
    }
    let places = places(text);
    let width = text.chars().map(width).sum::<usize>();
    let mut first = 0;
    for line in 1..lines {
        // One place is left for each of the lines that follow.
        let last = places.len().saturating_sub(lines - 1 - line);
        let ideal = width * line / lines;
        if last <= first {
            break;
        }
        let behind = places[first..last].partition_point(|(_, before)| *before < ideal) + first;
        let candidates = behind.saturating_sub(1).max(first)..(behind + 1).min(last);
        let nearest = candidates.min_by_key(|index| places[*index].1.abs_diff(ideal));
        let Some(index) = nearest else { break };
        breaks.push(places[index].0.clone());
        first = index + 1;
    }
    breaks
}

/// Whether the scripts at the end of one line and at the start of the next one
/// have no blanks between words.
pub(super) fn is_written_together(line: &str, next: &str) -> bool {
    let last = line.trim_end().chars().next_back();
    let first = next.trim_start().chars().next();
    last.is_some_and(is_without_blanks) && first.is_some_and(is_without_blanks)
}

// Where a line may end, and how much stands before that.
fn places(text: &str) -> Vec<(Range<usize>, usize)> {
    let mut places = Vec::new();
    let mut before = 0;
    let mut last = ' ';
    for (at, character) in text.char_indices() {
        let is_inside = 0 < at && at + character.len_utf8() < text.len();
        if character == ' ' && is_inside && last != ' ' {
            let blanks = text[at..].len() - text[at..].trim_start_matches(' ').len();
            let next = &text[at + blanks..];
            // A line that begins with a dash is taken for another speaker's.
            if !next.is_empty() && !next.starts_with(DASHES) {
                places.push((at..at + blanks, before));
            }
        } else if is_inside && is_without_blanks(last) && is_letter_without_blanks(character) {
            places.push((at..at, before));
        }
        before += width(character);
        last = character;
    }
    places
}

// Han, kana and the punctuation that is set with them. Thai, Lao and Khmer have no
// blanks either, but words that only a dictionary tells apart.
fn is_without_blanks(character: char) -> bool {
    is_letter_without_blanks(character)
        || matches!(character, '\u{3001}'..='\u{303F}' | '\u{FF01}'..='\u{FF60}')
}

// Small kana and marks of length do not begin a line.
fn is_letter_without_blanks(character: char) -> bool {
    matches!(character,
        '\u{3041}'..='\u{3096}' | '\u{30A1}'..='\u{30FA}' | '\u{3400}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{9FFF}' | '\u{20000}'..='\u{3FFFF}')
        && !"ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ".contains(character)
}

fn width(character: char) -> usize {
    if is_without_blanks(character) || ('\u{AC00}'..='\u{D7A3}').contains(&character) {
        2
    } else {
        1
    }
}
