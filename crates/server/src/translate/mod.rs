//! Documents and texts through sentences, engines, and back.
//!
//! Blocks are cut into sentences; those that occur twice are translated once.
//! What must not change is protected, what comes back is looked at, and tags
//! are put where their words went. The engines' time is shared out by the
//! scheduler, over all documents and callers.
//!
//! Start reading at [`Translator::document`].

mod attempt;
mod memory;
mod queue;
mod scheduler;

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;

use bytes::Bytes;
use domain::document::{Document, DocumentError};
use domain::job::ContentType;
use domain::language::LanguagePair;
use domain::text::{Block, Flaw, Sentence, Sentences};
use engine::{Abilities, Detection, EngineError, Engines, Style};
use tokio::runtime::{Handle, RuntimeFlavor};

pub use queue::Lane;

use attempt::{Attempted, Attempts};
use scheduler::Scheduler;

/// Larger documents are taken apart where other tasks do not wait for it.
const LIGHT_BYTES_MAX: usize = 32 << 10;
/// What is looked at to tell a document's language: its first 5,000 characters
/// have no more bytes.
const SAMPLE_BYTES: usize = engine::EXAMINED_CHARACTERS_MAX * 4;
/// On the way through a third language a sentence may grow; this part of what an
/// engine takes leaves it room.
const PIVOT_ROOM: usize = 2;
/// A translation of so many words that is its source was not translated.
const UNCHANGED_WORDS_MIN: usize = 10;

/// Translates with the engines of this node.
pub struct Translator {
    engines: Arc<Engines>,
    scheduler: Scheduler,
}

/// Why something was not translated.
#[derive(Debug, thiserror::Error)]
pub enum TranslateError {
    /// No engine serves the pair.
    #[error("no engine translates from {0}")]
    UnsupportedPair(LanguagePair),
    /// The document turned out to be damaged.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The engine failed again and again, or cannot be reached.
    #[error("the engine failed")]
    Engine(#[source] Arc<EngineError>),
}

/// A translated document.
#[derive(Clone, Debug)]
pub struct Translated {
    /// The document.
    pub bytes: Bytes,
    /// The sentences that stayed in the source's language because no good
    /// translation was to be had.
    pub untranslated: u64,
    /// Whether it is more than a few words, and just what went in.
    pub is_unchanged: bool,
    /// The wishes that were fulfilled.
    pub style: Style,
}

impl Translated {
    fn as_it_was(document: &Document) -> Self {
        Self {
            bytes: document.to_bytes().into(),
            untranslated: 0,
            is_unchanged: false,
            style: Style::default(),
        }
    }
}

impl Translator {
    /// A translator that computes on so many cores at once, and remembers what
    /// it translated in so many bytes.
    pub fn new(engines: Arc<Engines>, cores: NonZero<usize>, memory_bytes_max: u64) -> Self {
        Self { engines, scheduler: Scheduler::new(cores, memory_bytes_max) }
    }

    /// Reads a document.
    ///
    /// # Errors
    ///
    /// If the document is not what `content_type` says or exceeds a limit.
    pub fn open(&self, content_type: ContentType, bytes: Bytes) -> Result<Document, DocumentError> {
        heavy(bytes.len(), || Document::parse(content_type, bytes.into()))
    }

    /// The language of a document, as it says itself or else as it looks, if
    /// there is anything to tell it from.
    pub fn detect(&self, document: &Document) -> Option<Detection> {
        match document.language() {
            Some(language) => Some(Detection { language, confidence: 1.0 }),
            None => self.detect_text(&sample(&document.blocks())),
        }
    }

    /// The language of a text.
    pub fn detect_text(&self, text: &str) -> Option<Detection> {
        engine::detect(text, &self.engines.sources())
    }

    /// Translates a document. One whose language is the target's comes back as
    /// it is. Dropped, it gives the work up.
    pub async fn document(
        &self,
        document: &Document,
        pair: LanguagePair,
        style: Style,
        lane: &Lane,
    ) -> Result<Translated, TranslateError> {
        if pair.source == pair.target {
            return Ok(Translated::as_it_was(document));
        }
        let size = usize::try_from(document.characters()).unwrap_or(usize::MAX);
        let blocks = heavy(size, || document.blocks());
        let (translated, report) = self.blocks(&blocks, pair, style, lane).await?;
        if report.sentences == 0 {
            return Ok(Translated::as_it_was(document));
        }
        let rendered = heavy(size, || document.render(pair.target, translated))?;
        Ok(Translated {
            bytes: rendered.into(),
            untranslated: report.untranslated,
            is_unchanged: UNCHANGED_WORDS_MIN <= report.words && report.is_unchanged,
            style: report.style,
        })
    }

    /// Translates blocks, in order: one for each, with the same tags.
    async fn blocks(
        &self,
        blocks: &[Block<'_>],
        pair: LanguagePair,
        style: Style,
        lane: &Lane,
    ) -> Result<(Vec<Block<'static>>, Report), TranslateError> {
        let route = self.engines.route(pair).ok_or(TranslateError::UnsupportedPair(pair))?;
        let limits = route.legs().iter().map(|leg| leg.engine.limits(leg.pair).segment_bytes_max);
        let room = if route.legs().len() == 1 { 1 } else { PIVOT_ROOM };
        let bytes_max = limits.min().unwrap_or(0) / room;
        let size = blocks.iter().map(|block| block.text.len()).sum();
        let cut = heavy(size, || Sentences::of_all(blocks, pair.source, bytes_max));
        let (distinct, places) = distinct(&cut);
        let style = feasible(style, pair, route.abilities());
        let attempts = Attempts { scheduler: &self.scheduler, route: &route, style, lane };
        let attempted = attempts.translate(&distinct).await.map_err(|err| match *err {
            EngineError::UnsupportedPair(_) => TranslateError::UnsupportedPair(pair),
            EngineError::Stopped | EngineError::Failed { .. } | EngineError::Unavailable { .. } => {
                TranslateError::Engine(err)
            }
        })?;
        let report = Report::of(&distinct, &attempted, style);
        let mut places = places.into_iter();
        let join = |sentences: &Sentences<'_>| {
            let translations = places.by_ref().take(sentences.len());
            sentences.join(translations.map(|place| attempted[place].translation.clone()))
        };
        Ok((heavy(size, || cut.iter().map(join).collect()), report))
    }

    /// Lets engines put away what is idle, and says how much waits. To be called
    /// about once a second.
    pub fn tick(&self) {
        self.engines.tick();
        self.scheduler.measure();
    }
}

/// How the sentences of a text came out.
struct Report {
    sentences: usize,
    words: usize,
    is_unchanged: bool,
    untranslated: u64,
    style: Style,
}

impl Report {
    fn of(sentences: &[&Sentence<'_>], attempted: &[Attempted], style: Style) -> Self {
        let mut report = Self {
            sentences: sentences.len(),
            words: sentences.iter().map(|it| it.text.split_whitespace().count()).sum(),
            is_unchanged: sentences
                .iter()
                .zip(attempted)
                .all(|(it, done)| it.text == done.translation.0),
            untranslated: 0,
            style,
        };
        for flaw in attempted.iter().filter_map(|it| it.flaw) {
            report.untranslated += 1;
            metrics::counter!("metaphrast_untranslated_total", "reason" => Flaw::as_str(flaw))
                .increment(1);
        }
        report
    }
}

/// What of `style` makes sense for the pair and can be done.
fn feasible(style: Style, pair: LanguagePair, abilities: Abilities) -> Style {
    let may_be_formal = abilities.formality && pair.target.has_formality();
    Style {
        formality: style.formality.filter(|_| may_be_formal),
        is_brief: style.is_brief && abilities.brevity && pair.has_brevity(),
    }
}

/// The text to tell a language from.
fn sample(blocks: &[Block<'_>]) -> String {
    let mut sample = String::new();
    for block in blocks {
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

/// The sentences that differ, and for each sentence its place among them.
fn distinct<'s, 'b>(cut: &'s [Sentences<'b>]) -> (Vec<&'s Sentence<'b>>, Vec<usize>) {
    let mut distinct: Vec<&Sentence<'_>> = Vec::new();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut places = Vec::new();
    for sentence in cut.iter().flat_map(Sentences::iter) {
        let next = distinct.len();
        let place = if sentence.tags.is_empty() {
            *seen.entry(sentence.text).or_insert(next)
        } else {
            next
        };
        if place == next {
            distinct.push(sentence);
        }
        places.push(place);
    }
    (distinct, places)
}

#[cfg(test)]
mod tests {
    use engine::{Engine, Installed, Limits, PseudoEngine, Request, Translation};

    use super::*;

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
        Translator::new(Arc::new(Engines::new(vec![engine])), NonZero::new(2).unwrap(), 1 << 20)
    }

    fn pair(source: &str, target: &str) -> LanguagePair {
        LanguagePair { source: source.parse().unwrap(), target: target.parse().unwrap() }
    }

    async fn check(text: &str, target: &str, expected: &str) {
        let translator = translator();
        let document = translator.open(ContentType::Text, Bytes::from(text.to_owned())).unwrap();
        let translated = translator
            .document(&document, pair("en", target), Style::default(), &Lane::RealTime)
            .await
            .unwrap();
        assert_eq!(translated.bytes, expected, "{text:?}");
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
        let (pair, style) = (pair("en", "fr"), Style::default());
        let failed = translator.document(&document, pair, style, &Lane::RealTime).await;
        let Err(TranslateError::Engine(cause)) = failed else { panic!("{failed:?}") };
        assert_eq!(cause.to_string(), "the engine for en to fr failed: the engine panicked");
    }

    #[tokio::test]
    async fn a_pair_nobody_serves_is_named() {
        let translator = Translator::new(Arc::default(), NonZero::new(1).unwrap(), 0);
        let document = translator.open(ContentType::Text, Bytes::from_static(b"Ab.")).unwrap();
        let pair = pair("en", "fr");
        let refused = translator.document(&document, pair, Style::default(), &Lane::RealTime).await;
        assert!(matches!(refused, Err(TranslateError::UnsupportedPair(named)) if named == pair));
    }
}
