//! What every operation works with.

use std::sync::Arc;

use domain::language::LanguageCode;
use engine::Engines;
use objects::Objects;
use store::{Clock, Store};
use tokio::sync::Notify;

use crate::api::token::TokenKey;
use crate::translate::Translator;

/// The parts of the program that operations call.
///
/// Operations and the runner never call each other: they meet in the store, and
/// `wake` only makes the runner look there sooner.
pub struct App {
    /// What is kept.
    pub store: Arc<dyn Store>,
    /// Where documents lie.
    pub objects: Arc<dyn Objects>,
    /// What translates.
    pub engines: Arc<Engines>,
    /// Gives the engines their work.
    pub translator: Arc<Translator>,
    /// Makes the runner look for work and for stops.
    pub wake: Arc<Notify>,
    /// The time.
    pub clock: Clock,
    /// What signs page tokens.
    pub token_key: TokenKey,
    /// Jobs of one owner that may wait.
    pub jobs_queued_max: u32,
    /// Whether all languages are listed, and not only those of the engines.
    pub lists_all_languages: bool,
}

impl App {
    /// The languages that are listed.
    pub fn languages(&self) -> Vec<LanguageCode> {
        if self.lists_all_languages {
            return LanguageCode::all().collect();
        }
        self.engines.languages().into_iter().collect()
    }
}
