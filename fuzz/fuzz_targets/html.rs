//! Pages of any bytes: translated into themselves they are unchanged, and
//! whatever is put into them, they can be put together.
#![no_main]

use domain::document::Html;
use domain::text::{Block, Tag};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(html) = Html::parse(bytes.to_vec()) else { return };
    check(&html, bytes);
    if let Some(snippet) = std::str::from_utf8(bytes).ok().and_then(Html::parse_snippet) {
        check(&snippet, bytes);
    }
});

fn check(html: &Html, bytes: &[u8]) {
    assert_eq!(html.to_bytes(), bytes);
    let blocks: Vec<Block<'static>> = html.blocks().into_iter().map(owned).collect();
    blocks.iter().for_each(check_tags);
    assert_eq!(html.render(blocks.iter().cloned()), bytes);
    let upper = blocks.iter().map(|block| {
        let text = block.text.to_uppercase();
        Block { text: text.into(), tags: block.tags.clone() }
    });
    // Places that are not in the new text must do no harm.
    let upper = html.render(upper);
    assert!(std::str::from_utf8(&upper).is_ok());
    let empty = blocks.into_iter().map(|block| Block { text: "".into(), tags: block.tags });
    html.render(empty);
}

fn owned(block: Block<'_>) -> Block<'static> {
    Block { text: block.text.into_owned().into(), tags: block.tags }
}

fn check_tags(block: &Block<'_>) {
    let (mut start, mut next, mut open) = (0, 0, Vec::new());
    for placed in &block.tags {
        assert!(start <= placed.at && block.text.is_char_boundary(placed.at));
        start = placed.at;
        match placed.tag {
            Tag::Close(number) => assert_eq!(open.pop(), Some(number)),
            Tag::Open(number) | Tag::Point(number) | Tag::Opaque(number) => {
                assert_eq!(number, next);
                next += 1;
                if let Tag::Open(number) = placed.tag {
                    open.push(number);
                }
            }
        }
    }
    assert!(open.is_empty());
}
