//! How fast office files are taken apart and put together again.
//!
//! `cargo run --release -p metaphrast-domain --example office FOLDER FILE…` writes
//! each file into FOLDER, its text in brackets and with accents, and prints files
//! and megabytes a second. Files that cannot be read are named and not counted.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use domain::document::{Document, DocumentError};
use domain::job::ContentType;
use domain::text::{Block, PlacedTag};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().ok_or("which FOLDER?")?;
    let (mut files, mut bytes, mut reading, mut writing) = (0, 0, Duration::ZERO, Duration::ZERO);
    let mut output = io::stdout().lock();
    for path in arguments {
        let content = std::fs::read(&path)?;
        let size = content.len();
        let content_type = content_type(&path).ok_or("FILE.docx, FILE.pptx or FILE.xlsx?")?;
        let (parsed, time) = timed(|| Document::parse(content_type, content));
        let document = match parsed {
            Ok(document) => document,
            Err(refusal) => {
                writeln!(output, "{}: {refusal}", path.display())?;
                continue;
            }
        };
        let (rendered, time_to_write) = timed(|| translated(&document));
        std::fs::write(folder.join(path.file_name().ok_or("a file")?), rendered?)?;
        files += 1;
        bytes += size;
        reading += time;
        writing += time_to_write;
    }
    for (name, time) in [("parse", reading), ("render", writing)] {
        // Bytes a microsecond are megabytes a second.
        let microseconds = time.as_micros().max(1);
        let (rate, speed) = (files * 1_000_000 / microseconds, bytes as u128 / microseconds);
        writeln!(output, "{name:8} {files} files, {rate} files/s, {speed} MB/s")?;
    }
    Ok(())
}

fn translated(document: &Document) -> Result<Vec<u8>, DocumentError> {
    let blocks: Vec<Block<'static>> = document.blocks().iter().map(accented).collect();
    document.render("fr".parse().expect("French is a language"), blocks)
}

fn accented(block: &Block<'_>) -> Block<'static> {
    let mut text = String::from("[fr ");
    let mut tags = Vec::new();
    let mut rest = block.tags.iter().peekable();
    for (at, character) in block.text.char_indices().chain([(block.text.len(), ']')]) {
        while let Some(placed) = rest.next_if(|placed| placed.at <= at) {
            tags.push(PlacedTag { at: text.len(), tag: placed.tag });
        }
        text.push("áéíóú".chars().nth("aeiou".find(character).unwrap_or(5)).unwrap_or(character));
    }
    Block { text: text.into(), tags }
}

fn content_type(path: &Path) -> Option<ContentType> {
    match path.extension()?.to_str()? {
        "docx" => Some(ContentType::Docx),
        "pptx" => Some(ContentType::Pptx),
        "xlsx" => Some(ContentType::Xlsx),
        _ => None,
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing here is tested with another clock")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let done = work();
    (done, began.elapsed())
}
