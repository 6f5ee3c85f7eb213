//! Translates a file by Apertium, and says how fast it was on this machine.
//!
//! `cargo run --release -p metaphrast-engine --example apertium -- FILE FROM TO [BATCH]`
//!
//! FILE has one sentence on a line. The translations go to standard output,
//! the figures to standard error.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the text is the result")]

use std::time::{Duration, Instant};

use domain::language::{LanguageCode, LanguagePair};
use engine::{ApertiumEngine, ApertiumSettings, Engine, Request, Segment, StopFlag};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, from, to, ..] = arguments.as_slice() else {
        panic!("the arguments are a file and the codes of two languages")
    };
    let batch = arguments.get(3).map_or(32, |batch| batch.parse().expect("a number"));
    let code = |code: &str| code.parse::<LanguageCode>().expect("the code of a language");
    let pair = LanguagePair { source: code(from), target: code(to) };
    let text = std::fs::read_to_string(file).expect("the file is UTF-8 text");
    let lines: Vec<&str> = text.lines().collect();
    let words: usize = lines.iter().map(|line| line.split_whitespace().count()).sum();

    let (engine, opening) = timed(|| ApertiumEngine::open(&ApertiumSettings::default()));
    let translate = |lines: &[&str]| {
        let segments: Vec<Segment<'_>> = lines.iter().map(|line| (*line).into()).collect();
        let stop = StopFlag::default();
        engine.translate(&Request::new(pair, &segments, &stop)).expect("Apertium translates")
    };
    let (_, starting) = timed(|| translate(&["a."]));
    let (translations, took) =
        timed(|| lines.chunks(batch).flat_map(translate).collect::<Vec<_>>());
    for translation in translations {
        println!("{}", translation.text);
    }
    let rate = words as u128 * 1_000 / took.as_millis().max(1);
    let memory: u64 = engine.installed().iter().map(|one| one.memory_bytes).max().unwrap_or(0);
    eprintln!(
        "{pair}: opened in {opening:?}, started in {starting:?}, {} lines of {words} words in \
         {took:?}, {rate} words/s, {} MiB",
        lines.len(),
        memory >> 20,
    );
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}
