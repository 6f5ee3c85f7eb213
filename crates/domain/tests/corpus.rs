//! Office files of other people's making, each translated into letters that can
//! be turned back: nothing may be lost, moved or formatted otherwise.
//!
//! The files are no part of the project: see the variable `OOXML_CORPUS`. Without
//! them the test says so and passes, but not where `CI` is `true`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "all of this is a test")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::path::PathBuf;

use domain::document::{Document, DocumentError};
use domain::job::ContentType;
use domain::text::{Block, PlacedTag};
use quick_xml::Reader;
use quick_xml::events::Event;
use zip::ZipArchive;

const FIRST_FOREIGN: u32 = 0x1_D5A0; // Mathematical letters: one for each of ASCII, unlike any other.

fn corpus() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "there is no configuration in a test")]
    let (folder, ci) = (std::env::var("OOXML_CORPUS"), std::env::var("CI"));
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus/ooxml");
    let folder = folder.map_or_else(|_| PathBuf::from(beside), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    assert_ne!(ci.as_deref(), Ok("true"), "no corpus at {}", folder.display());
    println!("skipped: no corpus at {}", folder.display());
    None
}

fn content_type(name: &str) -> ContentType {
    match name.rsplit_once('.').unwrap().1 {
        "docx" => ContentType::Docx,
        "pptx" => ContentType::Pptx,
        _ => ContentType::Xlsx,
    }
}

#[test]
fn files_of_others_come_back_whole() {
    let Some(folder) = corpus() else {
        return;
    };
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut table: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut faults = Vec::new();
    for name in &names {
        let kind = &name[name.len() - 4..];
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let outcome = match Document::parse(content_type(name), bytes.clone()) {
            Ok(document) => match check(&bytes, &document) {
                Ok(()) if document.blocks().is_empty() => "nothing to translate",
                Ok(()) => "translated",
                Err(fault) => {
                    faults.push(format!("{name}: {fault}"));
                    "WRONG"
                }
            },
            Err(refusal) => {
                println!("{name}: {refusal}");
                match refusal {
                    DocumentError::Encrypted => "encrypted",
                    DocumentError::Malformed { .. } | DocumentError::NotUtf8 => "damaged",
                    DocumentError::Nul
                    | DocumentError::TooManyCharacters
                    | DocumentError::TooMuchText
                    | DocumentError::TooLargeUnpacked
                    | DocumentError::UnknownFormat { .. } => "WRONG",
                }
            }
        };
        *table.entry((kind, outcome)).or_default() += 1;
    }
    for ((kind, outcome), count) in &table {
        println!("{kind} {outcome:>22} {count:>4}");
    }
    assert!(!table.keys().any(|(_, outcome)| *outcome == "WRONG"), "{}", faults.join("\n"));
}

fn check(source: &[u8], document: &Document) -> Result<(), String> {
    let blocks = document.blocks();
    let english = "en".parse().unwrap();
    let same = blocks.iter().cloned().map(owned);
    let untouched = document.render(english, same).map_err(|err| err.to_string())?;
    let foreign: Vec<Block<'static>> = blocks.iter().map(foreign).collect();
    let translated = document.render(english, foreign).map_err(|err| err.to_string())?;

    let source = entries(source);
    let untouched = entries(&untouched);
    for (old, new) in source.iter().zip(&untouched) {
        if old != new {
            return Err(format!("{:?} changed though nothing was translated", old.name));
        }
    }
    let target = entries(&translated);
    if names(&source) != names(&target) || names(&source) != names(&untouched) {
        return Err("there are other entries".to_owned());
    }
    let mut changed = 0;
    for (old, new) in source.iter().zip(&target) {
        if old.packed == new.packed {
            continue;
        }
        changed += 1;
        let (old, new) = (Extract::of(&old.content()), Extract::of(&new.content()));
        if old.texts != new.texts {
            return Err(first_difference(&old.texts, &new.texts));
        }
        if old.elements != new.elements {
            return Err(first_difference(&old.elements, &new.elements));
        }
        if old.characters != new.characters {
            return Err(first_difference(&old.characters, &new.characters));
        }
    }
    if (changed == 0) != blocks.is_empty() {
        return Err(format!("{changed} parts changed for {} blocks", blocks.len()));
    }
    let again = Document::parse(document_type(document), translated).map_err(|err| err.to_string());
    if again?.blocks().len() != blocks.len() {
        return Err("there are other blocks".to_owned());
    }
    Ok(())
}

fn document_type(document: &Document) -> ContentType {
    let Document::Office(office) = document else { panic!("no office file") };
    match office.kind() {
        domain::document::OfficeKind::Document => ContentType::Docx,
        domain::document::OfficeKind::Presentation => ContentType::Pptx,
        domain::document::OfficeKind::Workbook => ContentType::Xlsx,
    }
}

fn first_difference<T: PartialEq + std::fmt::Debug>(old: &[T], new: &[T]) -> String {
    let at =
        old.iter().zip(new).position(|(old, new)| old != new).unwrap_or(old.len().min(new.len()));
    let near = |all: &[T]| format!("{:?}", &all[at.saturating_sub(2)..all.len().min(at + 3)]);
    format!("at {at}:\n  old {}\n  new {}", near(old), near(new))
}

fn owned(block: Block<'_>) -> Block<'static> {
    Block { text: block.text.into_owned().into(), tags: block.tags }
}

/// The block in letters of another alphabet, with brackets around it.
fn foreign(block: &Block<'_>) -> Block<'static> {
    let mut text = String::from("\u{27E6}");
    let mut tags = Vec::new();
    let mut rest = block.tags.iter().peekable();
    for (at, character) in block.text.char_indices().chain([(block.text.len(), '\u{27E7}')]) {
        while let Some(placed) = rest.next_if(|placed| placed.at <= at) {
            tags.push(PlacedTag { at: text.len(), tag: placed.tag });
        }
        text.push(match character {
            'A'..='z' => char::from_u32(FIRST_FOREIGN + u32::from(character)).unwrap(),
            _ => character,
        });
    }
    Block { text: text.into(), tags }
}

fn back(text: &str) -> String {
    let native = |character: char| match character {
        '\u{27E6}' | '\u{27E7}' | '\u{2011}' => None,
        _ if (FIRST_FOREIGN..FIRST_FOREIGN + 128).contains(&u32::from(character)) => {
            char::from_u32(u32::from(character) - FIRST_FOREIGN)
        }
        _ => Some(character),
    };
    text.chars().filter_map(native).collect()
}

#[derive(PartialEq)]
struct Entry {
    name: Vec<u8>,
    packed: Vec<u8>,
    is_stored: bool,
}

impl Entry {
    fn content(&self) -> Vec<u8> {
        if self.is_stored {
            return self.packed.clone();
        }
        let mut content = Vec::new();
        flate2::read::DeflateDecoder::new(&self.packed[..]).read_to_end(&mut content).unwrap();
        content
    }
}

fn entries(bytes: &[u8]) -> Vec<Entry> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let entries = archive.len();
    let read = |index| {
        let mut entry = archive.by_index_raw(index).unwrap();
        let mut packed = Vec::new();
        entry.read_to_end(&mut packed).unwrap();
        let is_stored = entry.compression() == zip::CompressionMethod::Stored;
        Entry { name: entry.name_raw().to_vec(), packed, is_stored }
    };
    (0..entries).map(read).collect()
}

fn names(entries: &[Entry]) -> Vec<&[u8]> {
    entries.iter().map(|entry| entry.name.as_slice()).collect()
}

/// What a reader finds in a part, found without the code under test.
#[derive(Default)]
struct Extract {
    /// The texts of the paragraphs, without white space.
    texts: Vec<String>,
    /// The start tags of all that is neither a run nor of use to nobody.
    elements: Vec<String>,
    /// Each character with the formatting of its run.
    characters: Vec<(char, String)>,
}

impl Extract {
    fn of(content: &[u8]) -> Self {
        let mut extract = Self::default();
        let mut reader = Reader::from_reader(content);
        let mut open: Vec<String> = Vec::new();
        let mut paragraphs = vec![String::new()];
        let mut formats: Vec<BTreeSet<String>> = vec![BTreeSet::new()];
        loop {
            let event = reader.read_event().unwrap();
            match &event {
                Event::Start(tag) | Event::Empty(tag) => {
                    let name = String::from_utf8(tag.local_name().as_ref().to_vec()).unwrap();
                    let source = String::from_utf8(tag.to_vec()).unwrap();
                    let is_property = open.iter().any(|name| name == "rPr");
                    extract.element(&name, &source, is_property, &open);
                    if is_property && !matches!(name.as_str(), "lang" | "noProof") {
                        formats.last_mut().unwrap().insert(source);
                    } else if name == "rPr" {
                        let attributes = tag.attributes().map(Result::unwrap);
                        let kept = attributes.map(|attribute| format!("{attribute:?}"));
                        let ignored = ["lang", "Lang", "dirty", "err", "smtClean", "noProof"];
                        let kept =
                            kept.filter(|text| !ignored.iter().any(|name| text.contains(name)));
                        formats.last_mut().unwrap().extend(kept);
                    }
                    if let Event::Start(_) = event {
                        match name.as_str() {
                            "p" | "si" | "is" => paragraphs.push(String::new()),
                            "r" => formats.push(BTreeSet::new()),
                            _ => (),
                        }
                        open.push(name);
                    }
                }
                Event::End(_) => match open.pop().unwrap().as_str() {
                    "p" | "si" | "is" => extract.texts.push(back(&paragraphs.pop().unwrap())),
                    "r" => drop(formats.pop()),
                    _ => (),
                },
                Event::Text(text) if open.last().is_some_and(|name| name == "t") => {
                    let text = text.decode().unwrap();
                    extract.text(&text, &open, &mut paragraphs, formats.last().unwrap());
                }
                Event::GeneralRef(name) if open.last().is_some_and(|name| name == "t") => {
                    let name = format!("&{};", name.decode().unwrap());
                    let text = quick_xml::escape::unescape(&name).unwrap().into_owned();
                    extract.text(&text, &open, &mut paragraphs, formats.last().unwrap());
                }
                Event::Eof => return extract,
                Event::Text(_)
                | Event::GeneralRef(_)
                | Event::CData(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_) => (),
            }
        }
    }

    fn element(&mut self, name: &str, source: &str, is_property: bool, open: &[String]) {
        let is_dropped = matches!(
            name,
            "r" | "rPr"
                | "t"
                | "proofErr"
                | "lastRenderedPageBreak"
                | "softHyphen"
                | "noBreakHyphen"
                | "rPh"
                | "phoneticPr"
        );
        if !is_dropped && !is_property && !open.iter().any(|name| name == "rPh") {
            self.elements.push(source.to_owned());
        }
    }

    fn text(
        &mut self,
        text: &str,
        open: &[String],
        paragraphs: &mut [String],
        format: &BTreeSet<String>,
    ) {
        if open.iter().any(|name| name == "rPh") {
            return;
        }
        let text = back(text);
        let visible = text.chars().filter(|character| !character.is_whitespace());
        let format = format.iter().cloned().collect::<Vec<_>>().join(" ");
        self.characters.extend(visible.clone().map(|character| (character, format.clone())));
        paragraphs.last_mut().unwrap().extend(visible);
    }
}
