//! The engines in use, in the order of the configuration, and the routes
//! through them.
//!
//! A pair is served by the first engine that has it: directly, as a variant
//! (Mexican Spanish by Spanish), or by way of a third language, English before
//! others. Where no engine has all of a way, two share it.
//!
//! Start reading at [`Engines::route`].

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use domain::language::{LanguageCode, LanguagePair};

use crate::{Abilities, Engine, Installed};

/// The list of engines.
#[derive(Clone, Default)]
pub struct Engines {
    engines: Vec<Arc<dyn Engine>>,
    /// What the engines had when they were last looked at.
    languages: Arc<RwLock<Languages>>,
}

#[derive(Default)]
struct Languages {
    sources: BTreeSet<LanguageCode>,
    targets: BTreeSet<LanguageCode>,
}

/// One engine's part of a way.
#[derive(Clone)]
pub struct Leg {
    /// Who translates.
    pub engine: Arc<dyn Engine>,
    /// What it is asked for: one of its own pairs.
    pub pair: LanguagePair,
}

/// The way from one language to another: one leg or two.
#[derive(Clone)]
pub struct Route(Vec<Leg>);

impl Route {
    /// The legs, in order.
    pub fn legs(&self) -> &[Leg] {
        &self.0
    }

    /// What can be asked for on the whole way: what the last leg can do, which
    /// writes the text that is read.
    pub fn abilities(&self) -> Abilities {
        self.0.last().map_or_else(Abilities::default, |leg| leg.engine.abilities(leg.pair))
    }
}

impl Engines {
    /// The list of `engines`, the preferred one first.
    pub fn new(engines: Vec<Arc<dyn Engine>>) -> Self {
        let engines = Self { engines, languages: Arc::default() };
        engines.look();
        engines
    }

    /// The way from the source to the target of `pair`; none if there is none.
    pub fn route(&self, pair: LanguagePair) -> Option<Route> {
        if pair.source == pair.target {
            return None;
        }
        let by_one = |engine: &Arc<dyn Engine>| {
            direct(engine, pair).map(|leg| vec![leg]).or_else(|| {
                let engines = std::slice::from_ref(engine);
                self.pivots(pair).find_map(|pivot| through(engines, pair, pivot))
            })
        };
        let legs =
            self.engines.iter().find_map(by_one).or_else(|| {
                self.pivots(pair).find_map(|pivot| through(&self.engines, pair, pivot))
            })?;
        Some(Route(legs))
    }

    /// Whether there is a way for `pair`.
    pub fn serves(&self, pair: LanguagePair) -> bool {
        self.route(pair).is_some()
    }

    /// Whether something can be translated into `target`, from whatever language.
    pub fn serves_target(&self, target: LanguageCode) -> bool {
        // Asked anew each time, since a model may turn out to be damaged.
        self.sources().into_iter().any(|source| self.serves(LanguagePair { source, target }))
    }

    /// The languages that something can be translated from, in the list's order.
    pub fn sources(&self) -> Vec<LanguageCode> {
        let languages = self.languages.read().unwrap_or_else(PoisonError::into_inner);
        languages.sources.iter().copied().collect()
    }

    /// The languages that something can be translated from or into, variants
    /// included, in the list's order.
    pub fn languages(&self) -> BTreeSet<LanguageCode> {
        let languages = self.languages.read().unwrap_or_else(PoisonError::into_inner);
        languages.sources.union(&languages.targets).copied().collect()
    }

    /// Lets engines look after themselves, and looks what they have now. To be
    /// called about once a second.
    pub fn tick(&self) {
        for engine in &self.engines {
            engine.tick();
        }
        self.look();
    }

    /// Each engine's name and what it has, in order.
    pub fn installed(&self) -> impl Iterator<Item = (&'static str, Vec<Installed>)> {
        self.engines.iter().map(|engine| (engine.name(), engine.installed()))
    }

    /// The names of the engines, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.engines.iter().map(|engine| engine.name())
    }

    fn look(&self) {
        let (mut sources, mut targets) = (BTreeSet::new(), BTreeSet::new());
        for pair in self.engines.iter().flat_map(|engine| engine.pairs()) {
            sources.insert(pair.source);
            targets.insert(pair.target);
        }
        for language in LanguageCode::all() {
            let Some(base) = language.base() else { continue };
            if sources.contains(&base) {
                sources.insert(language);
            }
            if targets.contains(&base) {
                targets.insert(language);
            }
        }
        let mut languages = self.languages.write().unwrap_or_else(PoisonError::into_inner);
        *languages = Languages { sources, targets };
    }

    /// The languages that a way may lead through, English first. Between
    /// variants of one language nothing is gained by leaving it.
    fn pivots(&self, pair: LanguagePair) -> impl Iterator<Item = LanguageCode> {
        let languages = self.languages.read().unwrap_or_else(PoisonError::into_inner);
        let both = languages.sources.intersection(&languages.targets).copied();
        let is_other = |it: &LanguageCode| {
            ![pair.source, pair.target].iter().any(|end| base(*end) == base(*it))
        };
        let is_way = base(pair.source) != base(pair.target);
        let mut pivots: Vec<LanguageCode> =
            both.filter(|pivot| is_way && is_other(pivot)).collect();
        pivots.sort_by_key(|language| language.as_str() != "en");
        pivots.into_iter()
    }
}

fn through(
    engines: &[Arc<dyn Engine>],
    pair: LanguagePair,
    pivot: LanguageCode,
) -> Option<Vec<Leg>> {
    let leg = |source, target| {
        engines.iter().find_map(|engine| direct(engine, LanguagePair { source, target }))
    };
    let first = leg(pair.source, pivot)?;
    Some(vec![first, leg(pivot, pair.target)?])
}

/// The leg by which `engine` serves `pair` or, as variants, what it is of.
fn direct(engine: &Arc<dyn Engine>, pair: LanguagePair) -> Option<Leg> {
    let LanguagePair { source, target } = pair;
    let (bare_source, bare_target) = (base(source), base(target));
    [(source, target), (source, bare_target), (bare_source, target), (bare_source, bare_target)]
        .into_iter()
        .map(|(source, target)| LanguagePair { source, target })
        .find(|pair| pair.source != pair.target && engine.serves(*pair))
        .map(|pair| Leg { engine: Arc::clone(engine), pair })
}

fn base(language: LanguageCode) -> LanguageCode {
    language.base().unwrap_or(language)
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

    /// Serves a few pairs only.
    struct Few(&'static str, Vec<LanguagePair>, PseudoEngine);

    impl Engine for Few {
        fn name(&self) -> &'static str {
            self.0
        }

        fn pairs(&self) -> Vec<LanguagePair> {
            self.1.clone()
        }

        fn serves(&self, asked: LanguagePair) -> bool {
            self.1.contains(&asked)
        }

        fn installed(&self) -> Vec<Installed> {
            self.2.installed()
        }

        fn limits(&self, pair: LanguagePair) -> Limits {
            self.2.limits(pair)
        }

        fn translate(&self, request: &Request<'_>) -> Result<Vec<Translation>, EngineError> {
            self.2.translate(request)
        }
    }

    fn few(name: &'static str, pairs: &[(&str, &str)]) -> Arc<dyn Engine> {
        let pairs = pairs.iter().map(|(source, target)| pair(source, target)).collect();
        Arc::new(Few(name, pairs, PseudoEngine::default()))
    }

    fn check(engines: &Engines, source: &str, target: &str, expected: &str) {
        let route = engines.route(pair(source, target));
        let legs = route
            .iter()
            .flat_map(Route::legs)
            .map(|leg| format!("{} {}-{}", leg.engine.name(), leg.pair.source, leg.pair.target));
        assert_eq!(legs.collect::<Vec<_>>().join(", "), expected, "{source}-{target}");
    }

    #[test]
    fn the_first_engine_that_has_a_pair_serves_it() {
        let engines = Engines::new(vec![neural(), Arc::new(PseudoEngine::default())]);
        check(&engines, "en", "es", "neural en-es");
        check(&engines, "en", "fr", "pseudo en-fr");
        check(&engines, "en", "en", "");
        assert_eq!(engines.languages().len(), 75);
        assert_eq!(engines.names().collect::<Vec<_>>(), ["neural", "pseudo"]);
    }

    #[test]
    fn what_no_engine_has_directly_goes_through_english_then_through_others() {
        let a = few("a", &[("es", "en"), ("en", "fr"), ("es", "ca"), ("ca", "pt"), ("de", "ca")]);
        let b = few("b", &[("es", "fr"), ("en", "nl"), ("nl", "sv")]);
        let engines = Engines::new(vec![a, b]);
        check(&engines, "es", "fr", "a es-en, a en-fr");
        check(&engines, "es", "pt", "a es-ca, a ca-pt");
        check(&engines, "es", "nl", "a es-en, b en-nl");
        check(&engines, "en", "sv", "b en-nl, b nl-sv");
        check(&engines, "es", "sv", "");
        check(&engines, "de", "fr", "");
    }

    #[test]
    fn variants_are_served_by_what_they_are_of() {
        let engines = Engines::new(vec![few(
            "a",
            &[("en", "es"), ("es", "en"), ("en", "zh"), ("en", "pt-PT")],
        )]);
        check(&engines, "en", "es-MX", "a en-es");
        check(&engines, "es-MX", "en", "a es-en");
        check(&engines, "es-MX", "zh", "a es-en, a en-zh");
        check(&engines, "es", "es-MX", "");
        // Another script is another text.
        check(&engines, "en", "zh-TW", "");
        check(&engines, "en", "pt", "");
        assert!(engines.languages().contains(&"es-MX".parse().unwrap()));
    }

    #[test]
    fn without_engines_nothing_is_served() {
        let engines = Engines::default();
        assert!(!engines.serves(pair("en", "es")));
        assert!(engines.languages().is_empty() && engines.sources().is_empty());
        assert!(!engines.serves_target("es".parse().unwrap()));
    }

    #[test]
    fn a_language_that_is_only_a_source_is_no_target() {
        let engines = Engines::new(vec![few("one way", &[("en", "fr")])]);
        let is_target = |code: &str| engines.serves_target(code.parse().unwrap());
        assert!(is_target("fr") && !is_target("en") && !is_target("es"));
    }
}
