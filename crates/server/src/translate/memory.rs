//! What was translated before: a segment that comes again is answered at once.

use std::hash::{Hash, Hasher};

use domain::language::LanguagePair;
use engine::{Engine, Style, Translation};
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

use super::queue::Text;

/// What an entry takes besides its texts.
const ENTRY_BYTES: usize = 200;
/// What a typical entry takes, for the first size of the tables.
const TYPICAL_BYTES: usize = 500;

/// Translations by what they depend on, as many as the given bytes hold.
pub(super) struct Memory(Cache<Key, Translation, Weight>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    asked: Asked,
    text: Text,
}

/// Who was asked, for what, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    engine: &'static str,
    revision: u64,
    pair: LanguagePair,
    style: Style,
    is_retry: bool,
}

impl Asked {
    pub(super) fn new(
        engine: &dyn Engine,
        pair: LanguagePair,
        style: Style,
        is_retry: bool,
    ) -> Self {
        Self { engine: engine.name(), revision: engine.revision(pair), pair, style, is_retry }
    }
}

struct Lookup<'a>(Asked, &'a Text);

impl Hash for Lookup<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
        self.1.hash(state);
    }
}

impl Equivalent<Key> for Lookup<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.0 == key.asked && *self.1 == key.text
    }
}

#[derive(Clone)]
struct Weight;

impl Weighter<Key, Translation> for Weight {
    fn weight(&self, key: &Key, translation: &Translation) -> u64 {
        let marks = size_of_val(key.text.marks.as_slice());
        (ENTRY_BYTES + key.text.text.len() + marks + translation.text.len()) as u64
    }
}

impl Memory {
    pub(super) fn new(bytes_max: u64) -> Self {
        let entries = usize::try_from(bytes_max).unwrap_or(usize::MAX) / TYPICAL_BYTES;
        Self(Cache::with_weighter(entries, bytes_max, Weight))
    }

    pub(super) fn find(&self, asked: Asked, text: &Text) -> Option<Translation> {
        self.0.get(&Lookup(asked, text))
    }

    pub(super) fn keep(&self, asked: Asked, text: Text, translation: Translation) {
        self.0.insert(Key { asked, text }, translation);
    }

    /// How much is kept.
    pub(super) fn bytes(&self) -> u64 {
        self.0.weight()
    }
}

#[cfg(test)]
mod tests {
    use engine::PseudoEngine;

    use super::*;

    fn asked(target: &str, is_brief: bool) -> Asked {
        let pair = LanguagePair { source: "en".parse().unwrap(), target: target.parse().unwrap() };
        let style = Style { formality: None, is_brief };
        Asked::new(&PseudoEngine::default(), pair, style, false)
    }

    fn text(text: &str, marks: &[usize]) -> Text {
        Text { text: text.to_owned(), marks: marks.to_vec() }
    }

    #[test]
    fn only_the_very_same_is_found() {
        let memory = Memory::new(1 << 20);
        memory.keep(asked("fr", false), text("a", &[]), "b".to_owned().into());
        let found = |asked, text| memory.find(asked, &text).map(|translation| translation.text);
        assert_eq!(found(asked("fr", false), text("a", &[])), Some("b".to_owned()));
        assert_eq!(found(asked("es", false), text("a", &[])), None);
        assert_eq!(found(asked("fr", true), text("a", &[])), None);
        assert_eq!(found(asked("fr", false), text("a", &[1])), None);
        assert_eq!(found(asked("fr", false), text("A", &[])), None);
    }

    #[test]
    fn it_keeps_its_bounds() {
        let memory = Memory::new(100_000);
        for number in 0..10_000 {
            let source = text(&format!("{number}{}", "x".repeat(100)), &[]);
            memory.keep(asked("fr", false), source, "y".repeat(100).into());
        }
        assert!(memory.bytes() <= 100_000, "{}", memory.bytes());
        let none = Memory::new(0);
        none.keep(asked("fr", false), text("a", &[]), "b".to_owned().into());
        assert_eq!(none.bytes(), 0);
    }
}
