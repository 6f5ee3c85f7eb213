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
    sources: BTreeSet<LanguageCode>,
}

impl Engines {
    /// The list of `engines`, the preferred one first.
    pub fn new(engines: Vec<Arc<dyn Engine>>) -> Self {
        let pairs = engines.iter().flat_map(|engine| engine.pairs());
        let sources = pairs.map(|pair| pair.source).collect();
        Self { engines, sources }
    }

    /// The engine that serves `pair`.
    pub fn route(&self, pair: LanguagePair) -> Option<&Arc<dyn Engine>> {
        self.engines.iter().find(|engine| engine.serves(pair))
    }

    /// Whether any engine serves `pair`.
    pub fn serves(&self, pair: LanguagePair) -> bool {
        self.route(pair).is_some()
    }

    /// Whether any engine translates into `target`, from whatever language.
    pub fn serves_target(&self, target: LanguageCode) -> bool {
        // Asked anew each time, since a model may turn out to be damaged.
        self.sources.iter().any(|&source| self.serves(LanguagePair { source, target }))
    }

    /// The languages that something could be translated from when the engines
    /// were opened, in the list's order.
    pub fn sources(&self) -> &BTreeSet<LanguageCode> {
        &self.sources
    }

    /// The languages that are the source or the target of a pair that is
    /// served, in the list's order. Looks at all pairs: not for every request.
    pub fn languages(&self) -> BTreeSet<LanguageCode> {
        let pairs = self.engines.iter().flat_map(|engine| engine.pairs());
        pairs.flat_map(|pair| [pair.source, pair.target]).collect()
    }

    /// Calls [`Engine::tick`] of each.
    pub fn tick(&self) {
        for engine in &self.engines {
            engine.tick();
        }
    }

    /// Each engine's name and what it has, in order.
    pub fn installed(&self) -> impl Iterator<Item = (&'static str, Vec<Installed>)> {
        self.engines.iter().map(|engine| (engine.name(), engine.installed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        EngineError, Limits, NeuralEngine, NeuralSettings, PseudoEngine, Request, Translation,
    };

    fn pair(source: &str, target: &str) -> LanguagePair {
        LanguagePair { source: source.parse().unwrap(), target: target.parse().unwrap() }
    }

    fn neural() -> Arc<dyn Engine> {
        let settings = NeuralSettings::default();
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
        assert!(!engines.serves_target("es".parse().unwrap()));
        assert_eq!(Engines::new(vec![neural()]).sources().len(), 2);
    }

    /// Translates from English into French and nothing else.
    struct OneWay(PseudoEngine);

    impl Engine for OneWay {
        fn name(&self) -> &'static str {
            "one way"
        }

        fn pairs(&self) -> Vec<LanguagePair> {
            vec![pair("en", "fr")]
        }

        fn serves(&self, asked: LanguagePair) -> bool {
            asked == pair("en", "fr")
        }

        fn installed(&self) -> Vec<Installed> {
            self.0.installed()
        }

        fn limits(&self, pair: LanguagePair) -> Limits {
            self.0.limits(pair)
        }

        fn translate(&self, request: &Request<'_>) -> Result<Vec<Translation>, EngineError> {
            self.0.translate(request)
        }
    }

    #[test]
    fn a_language_that_is_only_a_source_is_no_target() {
        let engines = Engines::new(vec![Arc::new(OneWay(PseudoEngine::default()))]);
        let is_target = |code: &str| engines.serves_target(code.parse().unwrap());
        assert!(is_target("fr") && !is_target("en") && !is_target("es"));
    }
}
