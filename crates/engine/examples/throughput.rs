//! How many words a second the neural engine translates on this machine.
//!
//! `cargo run --release -p metaphrast-engine --example throughput -- FILE [FROM TO [THREADS BATCH]]`
//!
//! FILE has one sentence on a line. Without THREADS and BATCH many of both are tried. A batch is given to the engine as it would
//! come from a scheduler: sorted by length, and in the order of the file.

#![expect(clippy::print_stdout, reason = "the table is the result")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use domain::language::LanguagePair;
use engine::{Engine, NeuralEngine, NeuralSettings, Request, Segment, StopFlag, Translation};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().expect("the first argument is a file of sentences");
    let text = std::fs::read_to_string(&file).expect("the file is UTF-8 text");
    let mut code = |default: &str| {
        let code = arguments.next().unwrap_or_else(|| default.to_owned());
        code.parse().expect("the code of a language")
    };
    let pair = LanguagePair { source: code("en"), target: code("es") };

    let number = |text: String| text.parse::<usize>().expect("a number");
    let chosen = arguments.next().map(number).zip(arguments.next().map(number));

    let settings = NeuralSettings::default();
    let engine = NeuralEngine::open(&settings).expect("the bundled models are whole");
    let (_, loading) = timed(|| translate(&engine, pair, &["Good morning."]));
    let in_order: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let mut sorted = in_order.clone();
    sorted.sort_by_key(|line| line.len());
    let words: usize = in_order.iter().map(|line| line.split_whitespace().count()).sum();

    println!("{} sentences, {words} words, {pair}; loading took {loading:?}", in_order.len());
    println!(
        "{:>8} {:>6} {:>9} {:>12} {:>14}",
        "threads", "batch", "order", "words/s", "longest call"
    );
    let (threads, batches) = match chosen {
        Some((threads, batch)) => (vec![threads], vec![batch]),
        None => (vec![1, 2], vec![1, 8, 16, 32, 64, 128]),
    };
    for &threads in &threads {
        for &batch in &batches {
            for (order, lines) in [("sorted", &sorted), ("file", &in_order)] {
                let (longest, took) = timed(|| run(&engine, pair, lines, batch, threads));
                let rate = words as u128 * 1_000 / took.as_millis().max(1);
                println!("{threads:>8} {batch:>6} {order:>9} {rate:>12} {longest:>14.1?}");
            }
        }
    }
}

// Returns how long the longest call took.
fn run(
    engine: &NeuralEngine,
    pair: LanguagePair,
    lines: &[&str],
    batch: usize,
    threads: usize,
) -> Duration {
    let batches: Vec<&[&str]> = lines.chunks(batch).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut longest = Duration::ZERO;
        while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (_, took) = timed(|| translate(engine, pair, batch));
            longest = longest.max(took);
        }
        longest
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let longest = workers.into_iter().map(|worker| worker.join().expect("no panic"));
        longest.max().unwrap_or_default()
    })
}

fn translate(engine: &NeuralEngine, pair: LanguagePair, batch: &[&str]) -> Vec<Translation> {
    let segments: Vec<Segment<'_>> = batch.iter().map(|text| (*text).into()).collect();
    let stop = StopFlag::default();
    engine.translate(&Request::new(pair, &segments, &stop)).expect("the model translates")
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}
