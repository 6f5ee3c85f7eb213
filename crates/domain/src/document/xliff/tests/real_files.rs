//! Files of others, as their tools wrote them: files of Symfony and Firefox
//! Focus, which lie beside the checkout and are no part of it.

use std::path::{Path, PathBuf};

use super::properties::{contents, well_formed};
use super::*;

#[expect(clippy::disallowed_methods, reason = "only CI must have the files")]
#[expect(clippy::print_stderr, reason = "who runs the tests should know")]
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/xliff");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is missing", folder.display());
        eprintln!("skipped: {} is missing", folder.display());
        return Vec::new();
    };
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Without the ends of targets: what nobody but the translator may write.
fn without_targets(file: &str) -> String {
    let mut rest = file;
    let mut kept = String::new();
    while let Some((before, target)) = rest.split_once("<target") {
        kept.push_str(before.trim_end());
        rest = target.split_once("</target>").unwrap().1;
    }
    kept.push_str(rest);
    kept
}

#[test]
fn real_files_are_translated_and_otherwise_stay() {
    for path in files() {
        let name = path.display();
        let file = std::fs::read_to_string(&path).unwrap();
        let xliff = parse(&file).unwrap();
        assert_eq!(xliff.to_bytes(), file.as_bytes(), "{name}");
        assert_eq!(xliff.language(), Some(code("en")), "{name}");
        assert!(50 < xliff.blocks().len(), "{name}");

        let pseudo = xliff.blocks().into_iter().map(|block| {
            let text = format!("[{}]", block.text);
            let tags = block.tags.iter().map(|placed| PlacedTag { at: placed.at + 1, ..*placed });
            Block { text: text.into(), tags: tags.collect() }
        });
        let rendered = xliff.render(code("zh-TW"), pseudo.collect::<Vec<_>>());
        let rendered = String::from_utf8(rendered).unwrap();
        assert!(well_formed(&rendered), "{name}");
        assert_eq!(contents(&rendered, "source"), contents(&file, "source"), "{name}");
        assert_eq!(rendered.matches("<trans-unit").count(), file.matches("<trans-unit").count());
        let named = rendered.replace("\"zh-TW\"", &format!("\"{}\"", language_of(&file)));
        assert_eq!(without_targets(&named), without_targets(&file), "{name}");
        let targets = contents(&rendered, "target");
        assert_eq!(targets.len(), file.matches("<source").count(), "{name}");
        for (source, target) in contents(&file, "source").iter().zip(targets) {
            let expected = if crate::text::is_translatable(source) {
                format!("[{}]", source.trim())
            } else {
                source.trim().to_owned()
            };
            assert_eq!(target.trim(), expected, "{name}");
        }
    }
}

fn language_of(file: &str) -> &str {
    let (_, rest) = file.split_once("target-language=\"").unwrap();
    rest.split_once('"').unwrap().0
}
