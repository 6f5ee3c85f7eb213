//! How often the language of a text is told right.
//!
//! `cargo run --release -p metaphrast-engine --example detection -- en=FILE de=FILE …`
//!
//! Each FILE has one sentence on a line. Lines are told whole and by their first
//! five words; among all languages, and among those of the command line.

#![expect(clippy::print_stdout, reason = "the table is the result")]

use domain::language::LanguageCode;
use engine::detect;

const WORDS: usize = 5;

fn main() {
    let files: Vec<(LanguageCode, String)> = std::env::args().skip(1).map(|it| read(&it)).collect();
    let given: Vec<LanguageCode> = files.iter().map(|(language, _)| *language).collect();
    let all: Vec<LanguageCode> = LanguageCode::all().collect();
    for (language, text) in &files {
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        for (piece, words) in [("sentence", usize::MAX), ("5 words", WORDS)] {
            for (among, sources) in [("75", &all), ("given", &given)] {
                let is_right = |line: &&&str| {
                    let text: Vec<&str> = line.split_whitespace().take(words).collect();
                    detect(&text.join(" "), sources).is_some_and(|it| it.language == *language)
                };
                let right = lines.iter().filter(is_right).count();
                println!("{language}\t{piece}\t{among}\t{right}\t{}", lines.len());
            }
        }
    }
}

fn read(argument: &str) -> (LanguageCode, String) {
    let (code, path) = argument.split_once('=').expect("an argument is a code, `=` and a file");
    let text = std::fs::read_to_string(path).expect("the file is UTF-8 text");
    (code.parse().expect("the code of a language"), text)
}
