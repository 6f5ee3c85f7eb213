//! Office files of any bytes, and small ones around any XML: untouched they come
//! back with the same parts, and whatever is put into them, they can be read again.
#![no_main]

use std::io::{Cursor, Read, Write};

use domain::document::Document;
use domain::job::ContentType;
use domain::text::{Block, PlacedTag};
use libfuzzer_sys::fuzz_target;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

const OFFICE: &str = "http://schemas.openxmlformats.org";
const TYPES: &str = "application/vnd.openxmlformats-officedocument.";

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let (kind, main, part) = match first % 6 {
        0 => (ContentType::Docx, "wordprocessingml.document.main", None),
        1 => (ContentType::Pptx, "presentationml.presentation.main", Some("presentationml.slide")),
        2 => (ContentType::Xlsx, "spreadsheetml.sheet.main", Some("spreadsheetml.sharedStrings")),
        3 => (ContentType::Xlsx, "spreadsheetml.sheet.main", Some("spreadsheetml.worksheet")),
        4 => (ContentType::Xlsx, "spreadsheetml.sheet.main", Some("spreadsheetml.comments")),
        _ => return check(ContentType::Docx, rest.to_vec()),
    };
    let namespaces = format!(
        "<w:p xmlns:w=\"{OFFICE}/wordprocessingml/2006/main\" xmlns:a=\"{OFFICE}/drawingml/2006/main\" xmlns=\"{OFFICE}/spreadsheetml/2006/main\">"
    );
    let xml = [namespaces.as_bytes(), rest, b"</w:p>"].concat();
    check(kind, package(main, part, &xml));
});

fn package(main: &str, part: Option<&str>, xml: &[u8]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let other = part.unwrap_or("none");
    let types = format!(
        "<Types><Override PartName=\"/a.xml\" ContentType=\"{TYPES}{main}+xml\"/><Override PartName=\"/b.xml\" ContentType=\"{TYPES}{other}+xml\"/></Types>"
    );
    let relationships = format!(
        "<a><Relationship Type=\"{OFFICE}/officeDocument/2006/relationships/officeDocument\" Target=\"a.xml\"/></a>"
    );
    let entries = [
        ("[Content_Types].xml", types.as_bytes()),
        ("_rels/.rels", relationships.as_bytes()),
        ("a.xml", if part.is_none() { xml } else { b"<a/>" }),
        ("b.xml", xml),
    ];
    for (name, content) in entries {
        writer.start_file(name, stored).expect("a name");
        writer.write_all(content).expect("memory");
    }
    writer.finish().expect("a container").into_inner()
}

fn check(kind: ContentType, bytes: Vec<u8>) {
    let Ok(document) = Document::parse(kind, bytes.clone()) else { return };
    assert_eq!(document.to_bytes(), bytes);
    let blocks: Vec<Block<'static>> = document.blocks().into_iter().map(owned).collect();
    let target = "fr".parse().expect("French");
    let Ok(same) = document.render(target, blocks.iter().cloned()) else { return };
    assert!(contents(&bytes) == contents(&same), "untouched, and not the same");

    // All tags at one place, and all letters others.
    for place in [0, 1, 2] {
        let moved = blocks.iter().map(|block| {
            let text = format!("[{}]", block.text.to_lowercase());
            let at = [0, text.len() / 2, text.len()][place];
            let at = text.floor_char_boundary(at);
            let tags = block.tags.iter().map(|placed| PlacedTag { at, tag: placed.tag });
            Block { tags: tags.collect(), text: text.into() }
        });
        let rendered = document.render(target, moved).expect("as before");
        let again = Document::parse(kind, rendered).expect("what was written can be read");
        assert_eq!(again.blocks().len(), blocks.len());
    }
}

fn contents(bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).expect("was read before");
    let mut read = |index| {
        let mut content = Vec::new();
        archive.by_index(index).ok()?.read_to_end(&mut content).ok()?;
        Some(content)
    };
    (0..4).map(&mut read).collect()
}

fn owned(block: Block<'_>) -> Block<'static> {
    Block { text: block.text.into_owned().into(), tags: block.tags }
}
