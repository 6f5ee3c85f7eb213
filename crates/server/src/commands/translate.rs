//! `metaphrast translate`: one text on standard output, without a server.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use domain::document::Document;
use domain::job::ContentType;
use domain::language::{LanguageCode, LanguagePair};
use engine::Style;
use serde_json::json;

use super::{Failure, load, print};
use crate::startup;
use crate::translate::{Lane, TranslateError, Translator};

/// The most that is read from standard input.
const INPUT_BYTES_MAX: u64 = 20 << 20;

#[derive(Args)]
pub(super) struct Arguments {
    /// The language of the text, or auto.
    #[arg(long, value_name = "CODE")]
    from: String,
    /// The language to translate into.
    #[arg(long, value_name = "CODE")]
    to: String,
    /// The text; without it standard input is read.
    text: Option<String>,
    /// Write JSON.
    #[arg(long)]
    json: bool,
    /// The configuration; without it everything has its default.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    let Arguments { from, to, text, json, config } = arguments;
    let config = load(config.as_ref())?;
    let target = language(&to)?;
    let engines = Arc::new(startup::engines(&config).map_err(|err| Failure::work(&err))?);
    let translator = Translator::new(engines, startup::threads(), config.engines.memory_bytes());
    let document = open(text)?;
    let source = match from.as_str() {
        LanguageCode::AUTO => {
            translator.detect(&document).map(|found| found.language).ok_or_else(|| {
                Failure::Work("the language could not be detected: name it with --from".to_owned())
            })?
        }
        code => language(code)?,
    };
    let pair = LanguagePair { source, target };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|err| Failure::work(&err.into()))?;
    let translated = runtime
        .block_on(translator.document(&document, pair, Style::default(), &Lane::RealTime))
        .map_err(|err| Failure::Work(explain(&err)))?;
    let translated = String::from_utf8_lossy(&translated.bytes);
    if json {
        print(json!({
            "SourceLanguageCode": source.as_str(),
            "TargetLanguageCode": target.as_str(),
            "TranslatedText": translated,
        }))?;
    } else {
        // What ended in a line end already shall not have two.
        print(translated.strip_suffix('\n').unwrap_or(&translated))?;
    }
    Ok(())
}

fn language(code: &str) -> Result<LanguageCode, Failure> {
    code.parse().map_err(|_| {
        Failure::Usage(format!(
            "language '{code}' is not one of the service's: codes are like en, es and zh-TW"
        ))
    })
}

fn open(text: Option<String>) -> Result<Document, Failure> {
    let bytes = if let Some(text) = text {
        text.into_bytes()
    } else {
        let mut bytes = Vec::new();
        std::io::stdin()
            .take(INPUT_BYTES_MAX)
            .read_to_end(&mut bytes)
            .map_err(|err| Failure::Work(format!("standard input cannot be read: {err}")))?;
        bytes
    };
    Document::parse(ContentType::Text, bytes).map_err(|err| Failure::Work(err.to_string()))
}

fn explain(err: &TranslateError) -> String {
    match err {
        TranslateError::UnsupportedPair(pair) => format!(
            "no engine translates from {pair}: `metaphrast engines` shows what is there and what \
             would add it"
        ),
        TranslateError::Engine(cause) => cause.to_string(),
        TranslateError::Document(_) => err.to_string(),
    }
}
