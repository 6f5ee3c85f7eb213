//! The trait for translating, and each engine behind it.
//!
//! Engines compute and do nothing else: they know no job, no storage and no
//! async. The caller gives them a thread that may block.
//!
//! Start reading at [`Engine`]; [`Engines`] is the list of those in use.

mod detect;
mod engines;
mod neural;
mod pseudo;

pub use detect::{Detection, EXAMINED_CHARACTERS_MAX, detect};
pub use engines::Engines;
pub use neural::{ModelProblem, NeuralEngine, NeuralSettings};
pub use pseudo::PseudoEngine;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::language::LanguagePair;

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

    /// Translates each segment of `segments`, in order: one result for each.
    ///
    /// A segment holds at most [`Limits::segment_bytes_max`] bytes of UTF-8: a
    /// sentence, or a piece of an overlong one. An empty one stays empty. There
    /// are at most [`Limits::batch_segments_max`] of them with at most
    /// [`Limits::batch_bytes_max`] bytes together; segments of like length go
    /// together fastest.
    ///
    /// Looks at `stop` between steps of at most about 200 ms and gives up when
    /// it is raised. No translation of a text that is not blank is blank.
    ///
    /// # Errors
    ///
    /// [`EngineError::UnsupportedPair`] if `pair` is not one of [`Engine::pairs`].
    /// [`EngineError::Stopped`] if `stop` was raised.
    /// [`EngineError::Model`] if the model failed. Trying again may help.
    fn translate(
        &self,
        pair: LanguagePair,
        segments: &[&str],
        stop: &StopFlag,
    ) -> Result<Vec<String>, EngineError>;
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
    /// The model could not be loaded or failed.
    #[error("the model for {pair} failed: {reason}")]
    Model {
        /// What was to be translated.
        pair: LanguagePair,
        /// What happened, for whoever runs the server.
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
