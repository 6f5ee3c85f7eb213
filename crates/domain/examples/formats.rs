//! How fast documents are taken apart and put together again.
//!
//! `cargo run --release -p metaphrast-domain --example formats FILE` prints
//! megabytes a second of the file, whose name says what it is.

use std::error::Error;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use domain::document::Document;
use domain::job::ContentType;
use domain::text::Block;

const RUNS: u32 = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("which FILE?")?;
    let content_type = content_type(&path).ok_or("FILE.txt or FILE.html?")?;
    let bytes = std::fs::read(&path)?;
    let target = "es".parse()?;
    let document = Document::parse(content_type, bytes.clone())?;
    let upper = || {
        let blocks = document.blocks().into_iter();
        blocks.map(|block| Block { text: block.text.to_uppercase().into(), tags: block.tags })
    };
    let translated: Vec<Block<'static>> = upper().collect();

    let parse = timed(|| Document::parse(content_type, bytes.clone()).map(drop))?;
    let blocks = timed(|| {
        document.blocks();
        Ok::<_, Box<dyn Error>>(())
    })?;
    let render = timed(|| document.render(target, translated.iter().cloned()).map(drop))?;
    let mut output = io::stdout().lock();
    let (characters, count) = (document.characters(), translated.len());
    writeln!(output, "{} bytes, {characters} characters, {count} blocks", bytes.len())?;
    for (name, time) in [("parse", parse), ("blocks", blocks), ("render", render)] {
        // Bytes a microsecond are megabytes a second.
        let microseconds = time.as_micros().max(1);
        writeln!(output, "{name:8} {:6} MB/s", bytes.len() as u128 / microseconds)?;
    }
    Ok(())
}

fn content_type(path: &str) -> Option<ContentType> {
    match path.rsplit_once('.')?.1 {
        "txt" => Some(ContentType::Text),
        "html" => Some(ContentType::Html),
        _ => None,
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing here is tested with another clock")]
fn timed<E>(mut work: impl FnMut() -> Result<(), E>) -> Result<Duration, E> {
    let began = Instant::now();
    for _ in 0..RUNS {
        work()?;
    }
    Ok(began.elapsed() / RUNS)
}
