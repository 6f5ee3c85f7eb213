//! Blocks written as text, for tests: `<1>` opens, `</1>` closes, `<1/>` is a
//! point and `<1=>` an opaque tag.

use super::{Block, PlacedTag, Tag};

/// The block that `source` describes. What is not opened is not closed, and
/// what is not closed by then is closed at the end.
pub(crate) fn marked(source: &str) -> Block<'static> {
    let (mut text, mut tags, mut open) = (String::new(), Vec::new(), Vec::new());
    let mut seen = Vec::new();
    let mut rest = source;
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        let Some(end) = rest[start..].find('>').map(|len| start + len) else { break };
        let name = &rest[start + 1..end];
        let number = name.trim_matches(['/', '=']).parse::<u32>().expect("a number");
        let at = text.len();
        let tag = match (name.starts_with('/'), name.ends_with('/'), name.ends_with('=')) {
            (true, ..) if open.last() == Some(&number) => {
                open.pop();
                Some(Tag::Close(number))
            }
            (true, ..) => None,
            _ if seen.contains(&number) => None,
            (_, true, _) => Some(Tag::Point(number)),
            (_, _, true) => Some(Tag::Opaque(number)),
            _ => {
                open.push(number);
                Some(Tag::Open(number))
            }
        };
        seen.push(number);
        tags.extend(tag.map(|tag| PlacedTag { at, tag }));
        rest = &rest[end + 1..];
    }
    text.push_str(rest);
    let at = text.len();
    tags.extend(open.into_iter().rev().map(|number| PlacedTag { at, tag: Tag::Close(number) }));
    Block { text: text.into(), tags }
}

/// The text with its tags written into it.
pub(crate) fn shown(text: &str, tags: &[PlacedTag]) -> String {
    let mut shown = String::new();
    let mut end = 0;
    for placed in tags {
        shown.push_str(&text[end..placed.at]);
        end = placed.at;
        let (before, number, after) = match placed.tag {
            Tag::Open(number) => ("<", number, ">"),
            Tag::Close(number) => ("</", number, ">"),
            Tag::Point(number) => ("<", number, "/>"),
            Tag::Opaque(number) => ("<", number, "=>"),
        };
        shown.extend([before, &number.to_string(), after]);
    }
    shown.push_str(&text[end..]);
    shown
}
