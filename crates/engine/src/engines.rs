//! The engines in use, in the order of the configuration.
//!
//! A pair is served by the first engine that has it.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::language::{LanguageCode, LanguagePair};

use crate::{Engine, Installed};

/// The list of engines.
#[derive(Clone, Default)]
pub struct Engines {
    engines: Vec<Arc<dyn Engine>>,
}

impl Engines {
    /// The list of `engines`, the preferred one first.
    pub fn new(engines: Vec<Arc<dyn Engine>>) -> Self {
        Self { engines }
    }

    /// The engine that serves `pair`.
    pub fn route(&self, pair: LanguagePair) -> Option<&Arc<dyn Engine>> {
        self.engines.iter().find(|engine| engine.serves(pair))
    }

    /// Whether any engine serves `pair`.
    pub fn serves(&self, pair: LanguagePair) -> bool {
        self.route(pair).is_some()
    }

    /// The languages that something can be translated from, in the list's order.
    pub fn sources(&self) -> BTreeSet<LanguageCode> {
        self.pairs().map(|pair| pair.source).collect()
    }

    /// The languages that are the source or the target of a pair that is
    /// served, in the list's order.
    pub fn languages(&self) -> BTreeSet<LanguageCode> {
        self.pairs().flat_map(|pair| [pair.source, pair.target]).collect()
    }

    /// Each engine's name and what it has, in order.
    pub fn installed(&self) -> impl Iterator<Item = (&'static str, Vec<Installed>)> {
        self.engines.iter().map(|engine| (engine.name(), engine.installed()))
    }

    fn pairs(&self) -> impl Iterator<Item = LanguagePair> {
        self.engines.iter().flat_map(|engine| engine.pairs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NeuralEngine, NeuralSettings, PseudoEngine};

    fn pair(source: &str, target: &str) -> LanguagePair {
        LanguagePair { source: source.parse().unwrap(), target: target.parse().unwrap() }
    }

    fn neural() -> Arc<dyn Engine> {
        let settings = NeuralSettings { models_dir: None, bundled: true };
        Arc::new(NeuralEngine::open(&settings).unwrap())
    }

    #[test]
    fn the_first_engine_that_has_a_pair_serves_it() {
        let engines = Engines::new(vec![neural(), Arc::new(PseudoEngine::default())]);
        let name = |pair| engines.route(pair).map(|engine| engine.name());

        assert_eq!(name(pair("en", "es")), Some("neural"));
        assert_eq!(name(pair("en", "fr")), Some("pseudo"));
        assert_eq!(name(pair("en", "en")), None);
        assert_eq!(engines.languages().len(), 75);
        let names: Vec<&str> = engines.installed().map(|(name, _)| name).collect();
        assert_eq!(names, ["neural", "pseudo"]);
    }

    #[test]
    fn without_engines_nothing_is_served() {
        let engines = Engines::default();
        assert!(!engines.serves(pair("en", "es")));
        assert!(engines.languages().is_empty() && engines.sources().is_empty());
        assert_eq!(Engines::new(vec![neural()]).sources().len(), 2);
    }
}
