//! One document through segments and engine, and back.
//!
//! Segments that occur twice are translated once. The others are sorted by
//! length and cut into batches, which go to as many threads as there are cores,
//! in turns, so that many documents share the cores fairly.
//!
//! Start reading at [`Translator::document`].

use std::collections::HashMap;
use std::num::NonZero;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use domain::document::{Document, DocumentError};
use domain::job::ContentType;
use domain::language::{LanguageCode, LanguagePair};
use domain::text::{Block, Segments};
use engine::{Engine, EngineError, Engines, Limits, Request, Segment, StopFlag};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::threads::Threads;
use crate::turns::Turns;

/// How often a batch is tried before the document fails.
const ATTEMPTS_MAX: u32 = 3;
/// How long a document keeps a core before another one gets its turn.
const TURN: Duration = Duration::from_millis(500);
/// Larger documents are taken apart where other tasks do not wait for it.
const LIGHT_BYTES_MAX: usize = 32 << 10;
/// What is looked at to tell a document's language: its first 5,000 characters
/// have no more bytes.
const SAMPLE_BYTES: usize = engine::EXAMINED_CHARACTERS_MAX * 4;

/// Translates documents with the engines of this node.
pub struct Translator {
    engines: Arc<Engines>,
    sources: Vec<LanguageCode>,
    count: usize,
    threads: Arc<Threads>,
    turns: Turns,
}

/// Why a document was not translated.
#[derive(Debug, thiserror::Error)]
pub enum TranslateError {
    /// No engine serves the pair.
    #[error("no engine translates from {0}")]
    UnsupportedPair(LanguagePair),
    /// The document turned out to be damaged.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// It is no longer wanted.
    #[error("the translation was stopped")]
    Stopped,
    /// The engine failed again and again.
    #[error("the engine failed")]
    Engine(#[source] EngineError),
}

/// What is to be translated, each text once, and what has been.
struct Work {
    engine: Arc<dyn Engine>,
    pair: LanguagePair,
    texts: Vec<String>,
    batches: Vec<Range<usize>>,
    next: AtomicUsize,
    translations: Mutex<Vec<String>>,
}

impl Translator {
    /// A translator that uses `threads` threads at once.
    pub fn new(engines: Arc<Engines>, threads: NonZero<usize>) -> Self {
        let sources = engines.sources().iter().copied().collect();
        let count = threads.get();
        let (threads, turns) = (Arc::new(Threads::start(threads)), Turns::new(count));
        Self { engines, sources, count, threads, turns }
    }

    /// Reads a document.
    ///
    /// # Errors
    ///
    /// If the document is not what `content_type` says or exceeds a limit.
    pub fn open(&self, content_type: ContentType, bytes: Bytes) -> Result<Document, DocumentError> {
        heavy(bytes.len(), || Document::parse(content_type, bytes.into()))
    }

    /// The best guess at a document's language among those that can be translated.
    pub fn detect(&self, document: &Document) -> Option<LanguageCode> {
        let detection = engine::detect(&sample(document), &self.sources)?;
        Some(detection.language)
    }

    /// Translates a document. One whose language is the target's comes back as it is.
    /// Documents of one `lane`, such as a job, do not keep those of others waiting.
    pub async fn document(
        &self,
        document: &Document,
        pair: LanguagePair,
        lane: &str,
        stop: &StopFlag,
    ) -> Result<Bytes, TranslateError> {
        if pair.source == pair.target {
            return Ok(document.to_bytes().into());
        }
        let engine = self.engines.route(pair).ok_or(TranslateError::UnsupportedPair(pair))?;
        let limits = engine.limits(pair);
        let size = usize::try_from(document.characters()).unwrap_or(usize::MAX);
        let blocks = document.blocks();
        let cut = |block| Segments::of(block, pair.source, limits.segment_bytes_max);
        let segments: Vec<Segments<'_>> =
            heavy(size, || blocks.iter().map(|block| cut(&block.text)).collect());
        let (texts, places) = distinct(&segments);
        let work = Arc::new(Work {
            engine: Arc::clone(engine),
            pair,
            batches: batches(&texts, limits),
            next: AtomicUsize::new(0),
            translations: Mutex::new(vec![String::new(); texts.len()]),
            texts,
        });
        self.translate(&work, lane, stop).await?;
        let translations = work.translations.lock().unwrap_or_else(PoisonError::into_inner);
        let mut places = places.into_iter();
        let translated = segments.iter().map(|segments| Block {
            text: segments
                .render(|_| &translations[places.next().expect("one place for each segment")])
                .into(),
            tags: Vec::new(),
        });
        let rendered = heavy(size, || document.render(pair.target, translated))?;
        Ok(rendered.into())
    }

    /// Works on all batches with as many threads as there are and turns allow.
    async fn translate(
        &self,
        work: &Arc<Work>,
        lane: &str,
        stop: &StopFlag,
    ) -> Result<(), TranslateError> {
        let pair = work.pair;
        let mut workers = JoinSet::new();
        for _ in 0..self.count.min(work.batches.len()) {
            let (work, stop, turns) = (Arc::clone(work), stop.clone(), self.turns.clone());
            let (lane, threads) = (lane.to_owned(), Arc::clone(&self.threads));
            workers.spawn(async move {
                while !work.is_taken() {
                    let _turn = turns.take(&lane).await;
                    let (work, stop) = (Arc::clone(&work), stop.clone());
                    let turn = threads.run(move || work.take_turn(&stop)).await;
                    turn.unwrap_or_else(|| Err(panicked(pair)))?;
                }
                Ok(())
            });
        }
        while let Some(done) = workers.join_next().await {
            done.unwrap_or_else(|_| Err(panicked(pair)))?;
        }
        Ok(())
    }
}

impl Work {
    /// Whether no batch is left to take.
    fn is_taken(&self) -> bool {
        self.batches.len() <= self.next.load(Ordering::Relaxed)
    }

    /// Translates batches until none is left or the turn is over.
    fn take_turn(&self, stop: &StopFlag) -> Result<(), TranslateError> {
        let began = Instant::now();
        while let Some(batch) = self.batches.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let texts: Vec<&str> = self.texts[batch.clone()].iter().map(String::as_str).collect();
            let translated = self.translate(&texts, stop)?;
            let mut translations = self.translations.lock().unwrap_or_else(PoisonError::into_inner);
            for (place, translation) in translations[batch.clone()].iter_mut().zip(translated) {
                *place = translation;
            }
            if TURN <= began.elapsed() {
                break;
            }
        }
        Ok(())
    }

    fn translate(&self, texts: &[&str], stop: &StopFlag) -> Result<Vec<String>, TranslateError> {
        let mut attempts = 1;
        loop {
            let segments: Vec<Segment<'_>> = texts.iter().map(|text| (*text).into()).collect();
            match self.engine.translate(&Request::new(self.pair, &segments, stop)) {
                Ok(translated) => {
                    return Ok(translated
                        .into_iter()
                        .map(|translation| translation.text)
                        .collect());
                }
                Err(EngineError::Stopped) => return Err(TranslateError::Stopped),
                Err(EngineError::UnsupportedPair(pair)) => {
                    return Err(TranslateError::UnsupportedPair(pair));
                }
                Err(err @ (EngineError::Failed { .. } | EngineError::Unavailable { .. }))
                    if attempts == ATTEMPTS_MAX =>
                {
                    return Err(TranslateError::Engine(err));
                }
                Err(err @ (EngineError::Failed { .. } | EngineError::Unavailable { .. })) => {
                    tracing::warn!(error = %err, "an engine failed, trying again");
                    attempts += 1;
                }
            }
        }
    }
}

/// The text to tell a document's language from.
fn sample(document: &Document) -> String {
    let mut sample = String::new();
    for block in document.blocks() {
        if SAMPLE_BYTES <= sample.len() {
            break;
        }
        sample.push_str(&block.text);
        sample.push('\n');
    }
    sample
}

/// Runs what may take a while; of a large document, where other tasks do not wait for it.
fn heavy<T>(bytes: usize, compute: impl FnOnce() -> T) -> T {
    let has_other_threads = Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
    if LIGHT_BYTES_MAX < bytes && has_other_threads {
        return tokio::task::block_in_place(compute);
    }
    compute()
}

/// The distinct segments, the longest first, and for each segment its place among them.
///
/// Sentences of like length waste the least of a batch; the longest come first
/// so that no thread is left with a long one at the end.
fn distinct(segments: &[Segments<'_>]) -> (Vec<String>, Vec<usize>) {
    let mut texts: Vec<&str> = segments.iter().flat_map(Segments::texts).collect();
    texts.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    texts.dedup();
    let places: HashMap<&str, usize> =
        texts.iter().enumerate().map(|(place, text)| (*text, place)).collect();
    let places = segments.iter().flat_map(Segments::texts).map(|text| places[text]).collect();
    (texts.into_iter().map(str::to_owned).collect(), places)
}

/// Cuts `texts` into batches that keep the engine's limits.
fn batches(texts: &[String], limits: Limits) -> Vec<Range<usize>> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, text) in texts.iter().enumerate() {
        let is_full = index - start == limits.batch_segments_max
            || limits.batch_bytes_max < bytes + text.len();
        if start < index && is_full {
            batches.push(start..index);
            (start, bytes) = (index, 0);
        }
        bytes += text.len();
    }
    if start < texts.len() {
        batches.push(start..texts.len());
    }
    batches
}

// What a panic says may quote the text, and reasons are logged.
fn panicked(pair: LanguagePair) -> TranslateError {
    TranslateError::Engine(EngineError::Failed { pair, reason: "the engine panicked".to_owned() })
}

#[cfg(test)]
mod tests {
    use engine::{Installed, PseudoEngine, Translation};

    use super::*;

    const LIMITS: Limits =
        Limits { segment_bytes_max: 10, batch_segments_max: 3, batch_bytes_max: 12 };

    /// Panics over the text that it is given.
    struct PanickingEngine(PseudoEngine);

    impl Engine for PanickingEngine {
        fn name(&self) -> &'static str {
            "panicking"
        }

        fn pairs(&self) -> Vec<LanguagePair> {
            self.0.pairs()
        }

        fn serves(&self, pair: LanguagePair) -> bool {
            self.0.serves(pair)
        }

        fn installed(&self) -> Vec<Installed> {
            self.0.installed()
        }

        fn limits(&self, pair: LanguagePair) -> Limits {
            self.0.limits(pair)
        }

        fn translate(&self, request: &Request<'_>) -> Result<Vec<Translation>, EngineError> {
            panic!("no good text: {:?}", request.segments)
        }
    }

    fn translator() -> Translator {
        with_engine(Arc::new(PseudoEngine::default()))
    }

    fn with_engine(engine: Arc<dyn Engine>) -> Translator {
        Translator::new(Arc::new(Engines::new(vec![engine])), NonZero::new(2).unwrap())
    }

    fn pair(source: &str, target: &str) -> LanguagePair {
        LanguagePair { source: source.parse().unwrap(), target: target.parse().unwrap() }
    }

    async fn check(text: &str, target: &str, expected: &str) {
        let translator = translator();
        let document = translator.open(ContentType::Text, Bytes::from(text.to_owned())).unwrap();
        let translated = translator
            .document(&document, pair("en", target), "", &StopFlag::default())
            .await
            .unwrap();
        assert_eq!(translated, expected, "{text:?}");
    }

    #[tokio::test]
    async fn segments_are_translated_and_the_rest_stays() {
        check("", "fr", "").await;
        check("Ab.\n\n  Ab. Cd!\n", "fr", "[fr Áƀ.]\n\n  [fr Áƀ.] [fr Çđ!]\n").await;
    }

    #[tokio::test]
    async fn a_document_in_the_target_language_comes_back_as_it_is() {
        check("", "en", "").await;
        check("\u{FEFF}Ab.  Cd! \r\n\t12\n", "en", "\u{FEFF}Ab.  Cd! \r\n\t12\n").await;
    }

    #[tokio::test]
    async fn an_engine_that_panics_is_not_quoted() {
        let translator = with_engine(Arc::new(PanickingEngine(PseudoEngine::default())));
        let document = translator.open(ContentType::Text, Bytes::from_static(b"Secret.")).unwrap();
        let stop = StopFlag::default();
        let failed = translator.document(&document, pair("en", "fr"), "", &stop).await;
        let Err(TranslateError::Engine(cause)) = failed else { panic!("{failed:?}") };
        assert_eq!(cause.to_string(), "the engine for en to fr failed: the engine panicked");
    }

    #[tokio::test]
    async fn a_raised_flag_stops_the_work() {
        let translator = translator();
        let document = translator.open(ContentType::Text, Bytes::from_static(b"Ab.")).unwrap();
        let stop = StopFlag::default();
        stop.raise();
        let stopped = translator.document(&document, pair("en", "fr"), "", &stop).await;
        assert!(matches!(stopped, Err(TranslateError::Stopped)));
    }

    #[tokio::test]
    async fn a_pair_nobody_serves_is_named() {
        let translator = Translator::new(Arc::default(), NonZero::new(1).unwrap());
        let document = translator.open(ContentType::Text, Bytes::from_static(b"Ab.")).unwrap();
        let pair = pair("en", "fr");
        let refused = translator.document(&document, pair, "", &StopFlag::default()).await;
        assert!(matches!(refused, Err(TranslateError::UnsupportedPair(named)) if named == pair));
    }

    #[test]
    fn batches_keep_the_limits_and_lose_nothing() {
        let texts: Vec<String> =
            [10, 9, 4, 4, 4, 2, 1, 1, 1, 1].iter().map(|&size| "x".repeat(size)).collect();
        assert_eq!(batches(&texts, LIMITS), [0..1, 1..2, 2..5, 5..8, 8..10]);
        assert!(batches(&[], LIMITS).is_empty());
    }
}
