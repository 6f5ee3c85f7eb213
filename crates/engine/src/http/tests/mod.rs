//! The engine against a server of our own that answers as it is told, in good
//! ways and in bad ones.

mod faults;
mod libretranslate;
mod openai;
mod server;

use std::time::Duration;

use super::*;
use crate::{Segment, StopFlag};
use server::Server;

fn pair(source: &str, target: &str) -> LanguagePair {
    LanguagePair { source: source.parse().unwrap(), target: target.parse().unwrap() }
}

/// Settings that fail within milliseconds where others take seconds.
fn settings(url: &str, kind: HttpKind) -> HttpSettings {
    HttpSettings {
        timeout: Duration::from_secs(20),
        connect_timeout: Duration::from_secs(10),
        attempts_max: 3,
        pause: Duration::from_millis(2),
        pause_max: Duration::from_millis(10),
        failures_max: 1_000,
        ..HttpSettings::new(url, kind)
    }
}

fn open(settings: &HttpSettings) -> HttpEngine {
    HttpEngine::open(settings).unwrap()
}

fn openai(server: &Server) -> HttpEngine {
    open(&settings(&server.url, HttpKind::OpenAi))
}

fn libretranslate(server: &Server) -> HttpEngine {
    open(&settings(&server.url, HttpKind::LibreTranslate))
}

fn try_translate(
    engine: &HttpEngine,
    pair: LanguagePair,
    texts: &[&str],
) -> Result<Vec<String>, EngineError> {
    let segments: Vec<Segment<'_>> = texts.iter().map(|text| (*text).into()).collect();
    let stop = StopFlag::default();
    let translated = engine.translate(&Request::new(pair, &segments, &stop))?;
    assert_eq!(translated.len(), texts.len());
    Ok(translated.into_iter().map(|translation| translation.text).collect())
}

/// Translates from English into Spanish.
fn translate(engine: &HttpEngine, texts: &[&str]) -> Result<Vec<String>, EngineError> {
    try_translate(engine, pair("en", "es"), texts)
}

fn failed(result: Result<Vec<String>, EngineError>) -> String {
    match result {
        Err(EngineError::Failed { reason, .. }) => reason,
        other => panic!("not failed: {other:?}"),
    }
}

fn unavailable(result: Result<Vec<String>, EngineError>) -> String {
    match result {
        Err(EngineError::Unavailable { reason, .. }) => reason,
        other => panic!("not unavailable: {other:?}"),
    }
}
