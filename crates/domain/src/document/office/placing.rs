//! Where the tags of a translated block go: where the translation put them, or,
//! if that would not make a document, where they come in the order of the source.
//!
//! Start reading at [`tags`].

use crate::text::{Block, PlacedTag, Tag};

/// The tags of `translated`, in an order in which they can be written: all of
/// `source`, each once and properly nested. If it `is_ordered`, they come in the
/// very order of `source`, and those that no text parts stay together.
pub(super) fn tags(source: &Block<'_>, translated: &Block<'_>, is_ordered: bool) -> Vec<PlacedTag> {
    let is_in_text = |placed: &PlacedTag| translated.text.is_char_boundary(placed.at);
    let is_usable = translated.tags.iter().all(is_in_text)
        && translated.tags.is_sorted_by_key(|placed| placed.at)
        && is_nested(&translated.tags)
        && has_the_same(&source.tags, &translated.tags);
    if is_usable && is_ordered {
        return in_source_order(source, translated);
    }
    if is_usable {
        return translated.tags.clone();
    }
    let scaled = |at: usize| {
        let at = at * translated.text.len() / source.text.len().max(1);
        translated.text.floor_char_boundary(at)
    };
    source.tags.iter().map(|placed| PlacedTag { at: scaled(placed.at), ..*placed }).collect()
}

// Text that slipped between the start of a field and its instructions, or behind
// the start of one that ends in another paragraph, would no longer be seen.
fn in_source_order(source: &Block<'_>, translated: &Block<'_>) -> Vec<PlacedTag> {
    let mut tags: Vec<PlacedTag> = Vec::with_capacity(source.tags.len());
    let mut before = None;
    for (old, new) in source.tags.iter().zip(&translated.tags) {
        let together = tags.last().filter(|_| before == Some(old.at)).map(|last| last.at);
        let at = match together {
            Some(at) => at,
            None if old.at == 0 => 0,
            None if old.at == source.text.len() => translated.text.len(),
            None => new.at,
        };
        before = Some(old.at);
        tags.push(PlacedTag { at, tag: old.tag });
    }
    tags
}

fn has_the_same(source: &[PlacedTag], translated: &[PlacedTag]) -> bool {
    let sorted = |tags: &[PlacedTag]| {
        let key = |placed: &PlacedTag| match placed.tag {
            Tag::Open(number) => (0, number),
            Tag::Close(number) => (1, number),
            Tag::Point(number) => (2, number),
            Tag::Opaque(number) => (3, number),
        };
        let mut keys: Vec<_> = tags.iter().map(key).collect();
        keys.sort_unstable();
        keys
    };
    sorted(source) == sorted(translated)
}

fn is_nested(tags: &[PlacedTag]) -> bool {
    let mut open = Vec::new();
    let is_nested = tags.iter().all(|placed| match placed.tag {
        Tag::Open(number) => {
            open.push(number);
            true
        }
        Tag::Close(number) => open.pop() == Some(number),
        Tag::Point(_) | Tag::Opaque(_) => true,
    });
    is_nested && open.is_empty()
}
