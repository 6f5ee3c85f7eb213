//! The trait for translating, and each engine behind it.
//!
//! Engines compute and do nothing else: they know no job, no storage and no
//! async. The caller gives them a thread that may block.
//!
//! Start reading at [`Engine`]; [`Engines`] is the list of those in use.

mod apertium;
mod detect;
mod engines;
mod http;
mod neural;
mod pseudo;

pub use domain::text::{Link, Links};

pub use apertium::{Addable, ApertiumEngine, ApertiumSettings};
pub use detect::{Detection, EXAMINED_CHARACTERS_MAX, detect};
pub use engines::{Engines, Leg, Route};
pub use http::{ApiKey, HttpEngine, HttpKind, HttpProblem, HttpSettings};
pub use neural::{
    About, Mirror, ModelProblem, ModelStore, ModelStoreError, NeuralEngine, NeuralSettings,
    OfferedModel, Progress, Pulled, StoredModel, parse_pair,
};
pub use pseudo::PseudoEngine;

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::job::Formality;
use domain::language::LanguagePair;
use domain::text::StandIn;

/// Turns segments of one language into segments of another.
pub trait Engine: Send + Sync {
    /// The name in configuration and logs, such as `neural`.
    fn name(&self) -> &'static str;

    /// The pairs this engine serves directly, in no particular order.
    fn pairs(&self) -> Vec<LanguagePair>;

    /// Whether `pair` is one of [`Engine::pairs`]. Cheap.
    fn serves(&self, pair: LanguagePair) -> bool;

    /// What this engine has to translate with, damaged things included, for
    /// people to read. Says nothing that [`Engine::serves`] does not decide.
    fn installed(&self) -> Vec<Installed>;

    /// What one call may be given for `pair`, which is one of [`Engine::pairs`].
    fn limits(&self, pair: LanguagePair) -> Limits;

    /// What this engine can do beyond translating, for `pair`.
    fn abilities(&self, _pair: LanguagePair) -> Abilities {
        Abilities::default()
    }

    /// What stand-ins for placeholders and names come through this engine best.
    fn stand_in(&self) -> StandIn {
        StandIn::Word
    }

    /// What a translation depends on besides the text, such as the version of
    /// a model: another number, other translations.
    fn revision(&self, _pair: LanguagePair) -> u64 {
        0
    }

    /// Whether translating takes long enough that results should be kept.
    fn is_worth_remembering(&self) -> bool {
        true
    }

    /// How many calls this engine can do with at once on a machine with `cores`
    /// cores: all together, and for one pair.
    fn calls_max(&self, cores: NonZero<usize>) -> CallsMax {
        CallsMax { all: cores, per_pair: cores }
    }

    /// Called about once a second, so that an engine can let go of what was not
    /// used for long.
    fn tick(&self) {}

    /// Translates each segment of the request, in order: one result for each.
    ///
    /// A segment holds at most [`Limits::segment_bytes_max`] bytes of UTF-8: a
    /// sentence, or a piece of an overlong one. An empty one stays empty. There
    /// are at most [`Limits::batch_segments_max`] of them with at most
    /// [`Limits::batch_bytes_max`] bytes together; segments of like length go
    /// together fastest.
    ///
    /// Looks at the stop flag at least every 200 ms or so and gives up when it
    /// is raised. No translation of a text that is not blank is blank.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnsupportedPair`] if the pair is not one of [`Engine::pairs`].
    /// [`EngineError::Stopped`] if the flag was raised.
    /// [`EngineError::Failed`] if the engine failed. Trying again may help.
    /// [`EngineError::Unavailable`] if it cannot be reached; not at once, but later it may.
    fn translate(&self, request: &Request<'_>) -> Result<Vec<Translation>, EngineError>;
}

/// What is to be translated, and how.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// From which language into which.
    pub pair: LanguagePair,
    /// The sentences.
    pub segments: &'a [Segment<'a>],
    /// How the translations are to sound. What the engine cannot do is ignored.
    pub style: Style,
    /// Translations made by people that these should be like, for engines that
    /// take examples.
    pub examples: &'a [Example<'a>],
    /// Whether the last translations of these segments were no good, so that
    /// the engine should go about it in another way, if it has any.
    pub is_retry: bool,
    /// Raised when the work is no longer wanted.
    pub stop: &'a StopFlag,
}

impl<'a> Request<'a> {
    /// A request without any wishes.
    pub fn new(pair: LanguagePair, segments: &'a [Segment<'a>], stop: &'a StopFlag) -> Self {
        let style = Style::default();
        Self { pair, segments, style, examples: &[], is_retry: false, stop }
    }
}

/// A sentence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment<'a> {
    /// The text.
    pub text: &'a str,
    /// Places in the text, as byte offsets in ascending order, of which the
    /// caller wants to know where they are in the translation. Often none.
    pub marks: &'a [usize],
}

impl<'a> From<&'a str> for Segment<'a> {
    fn from(text: &'a str) -> Self {
        Self { text, marks: &[] }
    }
}

/// A translated sentence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Translation {
    /// The text.
    pub text: String,
    /// How it corresponds to the source; of use only for a segment with marks.
    pub links: Links,
}

impl From<String> for Translation {
    fn from(text: String) -> Self {
        Self { text, links: Links::None }
    }
}

/// How translations are to sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Style {
    /// How the reader is addressed; the engine's own way if none.
    pub formality: Option<Formality>,
    /// Whether short translations are preferred.
    pub is_brief: bool,
}

/// A translation made by people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example<'a> {
    /// The original.
    pub source: &'a str,
    /// What it became.
    pub target: &'a str,
}

/// How many calls an engine can do with at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallsMax {
    /// All together.
    pub all: NonZero<usize>,
    /// Of one pair; more would only wait for each other.
    pub per_pair: NonZero<usize>,
}

/// What an engine can do beyond translating.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// It heeds [`Style::formality`].
    pub formality: bool,
    /// It heeds [`Style::is_brief`].
    pub brevity: bool,
    /// It heeds [`Request::examples`].
    pub examples: bool,
}

/// What one call of an engine may be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of UTF-8 in one segment.
    pub segment_bytes_max: usize,
    /// The most segments in one call.
    pub batch_segments_max: usize,
    /// The most bytes in one call, all segments together; at least `segment_bytes_max`.
    pub batch_bytes_max: usize,
}

/// One thing an engine translates with, such as a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// What it is for; none if for every pair.
    pub pair: Option<LanguagePair>,
    /// Where it is, in words or as a path.
    pub origin: String,
    /// Its version, as its maker writes it.
    pub version: Option<String>,
    /// The size of its files.
    pub size_bytes: u64,
    /// The memory it holds; 0 until it is used for the first time, and again
    /// once it was not used for long.
    pub memory_bytes: u64,
    /// Whether it is being loaded for its first use, or for the first in a while.
    pub is_loading: bool,
    /// Why it cannot be used, and what to do about it. What has a problem is
    /// not offered.
    pub problem: Option<String>,
}

/// Why an engine did not translate.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The engine does not serve this pair.
    #[error("no engine translates from {0}")]
    UnsupportedPair(LanguagePair),
    /// The work was given up because the flag was raised.
    #[error("the translation was stopped")]
    Stopped,
    /// The engine failed at this request.
    #[error("the engine for {pair} failed: {reason}")]
    Failed {
        /// What was to be translated.
        pair: LanguagePair,
        /// What happened, for whoever runs the server. Quotes no text.
        reason: String,
    },
    /// What the engine works with cannot be reached at present.
    #[error("the engine for {pair} is not available: {reason}")]
    Unavailable {
        /// What was to be translated.
        pair: LanguagePair,
        /// What happened, for whoever runs the server. Quotes no text.
        reason: String,
    },
}

/// Says that work in hand is no longer wanted. Raised once, never lowered.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Asks whoever looks at this flag to give up.
    pub fn raise(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether someone asked.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
