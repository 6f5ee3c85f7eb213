//! XLIFF of any bytes: what is read can be put together, and what is put
//! together is read again.
#![no_main]

use domain::document::Xliff;
use domain::text::Block;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(xliff) = Xliff::parse(bytes.to_vec()) else { return };
    assert_eq!(xliff.to_bytes(), bytes);
    let target = "de".parse().expect("a language");
    let upper = xliff.blocks().into_iter().map(|block| Block {
        text: block.text.to_uppercase().into(),
        tags: block.tags,
    });
    let rendered = xliff.render(target, upper.collect::<Vec<_>>());
    assert!(Xliff::parse(rendered).is_ok());
});
