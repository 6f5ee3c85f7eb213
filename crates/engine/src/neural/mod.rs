//! Neural models in the form of Firefox Translations, run by an inference of
//! our own.
//!
//! A model is looked for in the folder of models and, for pairs that are not
//! there, inside the program. It is loaded when it is first used, once, then
//! shared by all threads, and let go of when others need its memory. What is
//! damaged is not offered: a pair whose folder has a problem is not served from
//! inside the program either, since whoever put a model there should hear of it
//! and not get another one's translations.
//!
//! Models come and go while the engine runs; [`ModelStore`] is what puts them
//! there and takes them away.

mod bundled;
mod capitals;
mod entry;
mod inference;
mod links;
mod metadata;
mod model;
mod package;
mod problem;
mod sentence;
mod shelf;
mod stamp;
mod store;
mod vocabulary;
mod wrap;

pub use problem::ModelProblem;
pub use store::{
    About, Mirror, ModelStore, ModelStoreError, OfferedModel, Progress, Pulled, StoredModel,
    parse_pair,
};

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use domain::language::LanguagePair;

use self::entry::Entry;
use self::model::Model;
use self::shelf::Shelf;
use crate::{Engine, EngineError, Installed, Limits, Request, Translation};

/// Where models come from, and how much of them is held.
#[derive(Clone, Debug)]
pub struct NeuralSettings {
    /// The folder with a folder `en-es` and the like for each model. It need not exist.
    pub models_dir: Option<PathBuf>,
    /// Whether the models inside the program serve the pairs that are not there.
    pub bundled: bool,
    /// How much memory loaded models may take together. One that is in use is
    /// held all the same.
    pub memory_bytes_max: u64,
}

impl Default for NeuralSettings {
    fn default() -> Self {
        Self { models_dir: None, bundled: true, memory_bytes_max: 1 << 30 }
    }
}

/// All neural models of this machine.
pub struct NeuralEngine {
    settings: NeuralSettings,
    // Replaced as a whole, so that nobody waits for a look at the disk.
    shelf: RwLock<Arc<Shelf>>,
    // Held by whoever looks at the disk.
    refreshing: Mutex<()>,
    uses: AtomicU64,
}

impl NeuralEngine {
    /// Finds the models. Does not load any, and takes damaged ones down as such.
    ///
    /// # Errors
    ///
    /// If the folder of models is there and cannot be listed.
    pub fn open(settings: &NeuralSettings) -> Result<Self, ModelProblem> {
        let shelf = Shelf::find(settings, &Shelf::default())?;
        Ok(Self {
            settings: settings.clone(),
            shelf: RwLock::new(Arc::new(shelf)),
            refreshing: Mutex::new(()),
            uses: AtomicU64::new(0),
        })
    }

    fn shelf(&self) -> Arc<Shelf> {
        Arc::clone(&self.shelf.read().unwrap_or_else(PoisonError::into_inner))
    }

    // While the folder cannot be listed, what was in it stays.
    fn refresh(&self) {
        let _turn = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.shelf();
        if old.is_outdated(&self.settings) != Ok(true) {
            return;
        }
        if let Ok(new) = Shelf::find(&self.settings, &old) {
            *self.shelf.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        }
    }

    fn model(&self, pair: LanguagePair) -> Result<Arc<Model>, EngineError> {
        let unsupported = EngineError::UnsupportedPair(pair);
        let entry = self.shelf().get(pair).ok_or(unsupported)?;
        let problem = match self.load(&entry) {
            Ok(model) => return Ok(model),
            Err(problem) => problem,
        };
        // It may have been replaced since someone looked.
        self.refresh();
        let now = self.shelf().get(pair).ok_or(EngineError::UnsupportedPair(pair))?;
        let again = if Arc::ptr_eq(&entry, &now) { Err(problem) } else { self.load(&now) };
        again.map_err(|problem| EngineError::Failed { pair, reason: problem.to_string() })
    }

    fn load(&self, entry: &Entry) -> Result<Arc<Model>, ModelProblem> {
        entry.used(1 + self.uses.fetch_add(1, Ordering::Relaxed));
        entry.model(|| self.shelf().shrink_to(self.settings.memory_bytes_max))
    }
}

impl Engine for NeuralEngine {
    fn name(&self) -> &'static str {
        "neural"
    }

    fn pairs(&self) -> Vec<LanguagePair> {
        let models = self.shelf();
        let usable = models.iter().filter(|(_, entry)| entry.is_usable());
        usable.map(|(pair, _)| pair).collect()
    }

    fn serves(&self, pair: LanguagePair) -> bool {
        self.shelf().get(pair).is_some_and(|entry| entry.is_usable())
    }

    fn revision(&self, pair: LanguagePair) -> u64 {
        self.shelf().get(pair).map_or(0, |entry| entry.revision())
    }

    fn installed(&self) -> Vec<Installed> {
        self.shelf().iter().map(|(pair, entry)| entry.installed(pair)).collect()
    }

    fn limits(&self, _pair: LanguagePair) -> Limits {
        // Room for the longest of sentences in a script of three bytes to the
        // letter; what a model cannot read at once is wrapped here.
        Limits { segment_bytes_max: 2_000, batch_segments_max: 32, batch_bytes_max: 4_000 }
    }

    fn tick(&self) {
        self.refresh();
        self.shelf().shrink_to(self.settings.memory_bytes_max);
    }

    fn translate(&self, request: &Request<'_>) -> Result<Vec<Translation>, EngineError> {
        self.model(request.pair)?.translate(request.segments, request.stop)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use tempfile::TempDir;

    use super::bundled::BUNDLED;
    use super::*;
    use crate::StopFlag;

    const EN_ES: &str = "en-es";
    const MODEL: &str = "model.enes.intgemm.alphas.bin";
    const VOCABULARY: &str = "vocab.enes.spm";

    fn pair(source: &str, target: &str) -> LanguagePair {
        LanguagePair { source: source.parse().unwrap(), target: target.parse().unwrap() }
    }

    fn bundled() -> NeuralEngine {
        NeuralEngine::open(&NeuralSettings::default()).unwrap()
    }

    fn try_translate(
        engine: &NeuralEngine,
        pair: LanguagePair,
        texts: &[&str],
        stop: &StopFlag,
    ) -> Result<Vec<String>, EngineError> {
        let segments: Vec<_> = texts.iter().map(|text| (*text).into()).collect();
        let translated = engine.translate(&Request::new(pair, &segments, stop))?;
        Ok(translated.into_iter().map(|translation| translation.text).collect())
    }

    fn translated(source: &str, target: &str, segments: &[&str]) -> Vec<String> {
        try_translate(&bundled(), pair(source, target), segments, &StopFlag::default()).unwrap()
    }

    /// Translates `text` into Spanish and looks for each of `expected` in it.
    fn check(text: &str, expected: &[&str]) {
        let translation = translated("en", "es", &[text]).remove(0);
        for part in expected {
            assert!(translation.contains(part), "{text:?} became {translation:?}");
        }
    }

    /// A folder of models with the English-Spanish one in it.
    fn models() -> TempDir {
        let folder = TempDir::new().unwrap();
        let bundled = BUNDLED[0];
        fs::create_dir(folder.path().join(EN_ES)).unwrap();
        fs::write(folder.path().join(EN_ES).join("metadata.json"), bundled.metadata).unwrap();
        for (name, bytes) in bundled.files {
            fs::write(folder.path().join(EN_ES).join(name), bytes).unwrap();
        }
        folder
    }

    fn open(folder: &TempDir) -> NeuralEngine {
        let models_dir = Some(folder.path().to_owned());
        NeuralEngine::open(&NeuralSettings { models_dir, ..NeuralSettings::default() }).unwrap()
    }

    /// Damages a model, and looks for each of `expected` in what is said of it.
    fn check_damaged(damage: impl Fn(&Path), expected: &[&str]) {
        let folder = models();
        damage(&folder.path().join(EN_ES));
        let engine = open(&folder);
        // Damage inside a file is found when the model is loaded.
        let refused =
            try_translate(&engine, pair("en", "es"), &["Good morning."], &StopFlag::default());
        assert!(matches!(refused, Err(EngineError::Failed { .. })), "{refused:?}");
        let said = refused.unwrap_err().to_string();
        for part in expected {
            assert!(said.contains(part), "{said}");
        }

        assert!(!engine.serves(pair("en", "es")) && engine.serves(pair("es", "en")));
        assert_eq!(engine.pairs(), [pair("es", "en")]);
        let problem = engine.installed().remove(0).problem.expect("a problem");
        assert!(said.ends_with(&problem), "{said} / {problem}");
    }

    fn state(engine: &NeuralEngine, source: &str, target: &str) -> Option<Installed> {
        let wanted = Some(pair(source, target));
        engine.installed().into_iter().find(|installed| installed.pair == wanted)
    }

    fn is_loaded(engine: &NeuralEngine, source: &str, target: &str) -> bool {
        state(engine, source, target).is_some_and(|installed| 0 < installed.memory_bytes)
    }

    fn greet(engine: &NeuralEngine, source: &str, target: &str) -> Result<String, EngineError> {
        let pair = pair(source, target);
        let translated = try_translate(engine, pair, &["Hotel."], &StopFlag::default());
        translated.map(|mut texts| texts.remove(0))
    }

    #[test]
    fn models_come_and_go_while_the_engine_runs() {
        let folder = models();
        let engine = open(&folder);
        let at = folder.path().join(EN_ES);
        let origin = |engine: &NeuralEngine| state(engine, "en", "es").unwrap().origin;
        greet(&engine, "en", "es").unwrap();
        greet(&engine, "es", "en").unwrap();

        // Nothing has changed.
        engine.tick();
        assert!(is_loaded(&engine, "en", "es") && is_loaded(&engine, "es", "en"));

        // A new version: the old one is dropped, others stay loaded.
        let metadata = fs::read_to_string(at.join("metadata.json")).unwrap();
        fs::write(at.join("metadata.json"), metadata.replace("own-1", "own-22")).unwrap();
        engine.tick();
        assert!(!is_loaded(&engine, "en", "es") && is_loaded(&engine, "es", "en"));
        assert_eq!(state(&engine, "en", "es").unwrap().version.as_deref(), Some("own-22"));

        // A further pair, which is not really French.
        let french = folder.path().join("en-fr");
        fs::create_dir(&french).unwrap();
        for entry in fs::read_dir(&at).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), french.join(entry.file_name())).unwrap();
        }
        let of_french = metadata.replace("\"to\": \"es\"", "\"to\": \"fr\"");
        fs::write(french.join("metadata.json"), of_french).unwrap();
        assert!(!engine.serves(pair("en", "fr")));
        engine.tick();
        assert!(engine.serves(pair("en", "fr")) && engine.pairs().contains(&pair("en", "fr")));
        greet(&engine, "en", "fr").unwrap();

        // Damaged, mended, gone, and what is inside the program comes in its place.
        fs::write(at.join("metadata.json"), "{").unwrap();
        engine.tick();
        assert!(!engine.serves(pair("en", "es")));
        fs::write(at.join("metadata.json"), &metadata).unwrap();
        engine.tick();
        assert!(engine.serves(pair("en", "es")));
        assert_eq!(origin(&engine), at.display().to_string());
        fs::remove_dir_all(folder.path()).unwrap();
        engine.tick();
        assert_eq!(origin(&engine), "inside the program");
        assert!(!engine.serves(pair("en", "fr")));
        assert!(is_loaded(&engine, "es", "en"));
        greet(&engine, "en", "es").unwrap();
    }

    #[test]
    fn another_model_of_a_pair_has_another_revision() {
        let folder = models();
        let engine = open(&folder);
        let before = engine.revision(pair("en", "es"));
        assert_eq!(before, bundled().revision(pair("en", "es")));
        assert_ne!(before, engine.revision(pair("es", "en")));

        let metadata = folder.path().join(EN_ES).join("metadata.json");
        let text = fs::read_to_string(&metadata).unwrap();
        fs::write(&metadata, text.replace("\"sha256\": \"f0", "\"sha256\": \"0f")).unwrap();
        engine.tick();
        assert_ne!(engine.revision(pair("en", "es")), before);
    }

    #[test]
    fn a_model_that_was_replaced_a_moment_ago_is_no_damage() {
        let folder = models();
        let engine = open(&folder);
        let at = folder.path().join(EN_ES);
        let [_, (_, vocabulary)] = BUNDLED[0].files else { panic!("two files") };
        let metadata = fs::read_to_string(at.join("metadata.json")).unwrap();
        fs::remove_file(at.join(VOCABULARY)).unwrap();
        fs::write(at.join("vocab.other.spm"), vocabulary).unwrap();
        let renamed = metadata.replace(VOCABULARY, "vocab.other.spm");
        fs::write(at.join("metadata.json"), renamed).unwrap();
        greet(&engine, "en", "es").unwrap();
    }

    #[test]
    fn models_that_were_not_used_for_longest_are_let_go_of() {
        let settings = NeuralSettings { memory_bytes_max: 10_000_000, ..NeuralSettings::default() };
        let engine = NeuralEngine::open(&settings).unwrap();
        greet(&engine, "en", "es").unwrap();
        assert!(is_loaded(&engine, "en", "es"));
        // While it is in use it stays, though there is no room for both.
        let in_use = engine.model(pair("en", "es")).unwrap();
        greet(&engine, "es", "en").unwrap();
        assert!(is_loaded(&engine, "en", "es") && is_loaded(&engine, "es", "en"));
        drop(in_use);
        engine.tick();
        assert!(!is_loaded(&engine, "en", "es") && is_loaded(&engine, "es", "en"));
        greet(&engine, "en", "es").unwrap();
        assert!(is_loaded(&engine, "en", "es") && !is_loaded(&engine, "es", "en"));
    }

    #[test]
    fn nobody_waits_for_a_model_of_another_pair() {
        let engine = bundled();
        greet(&engine, "es", "en").unwrap();
        let entry = engine.shelf().get(pair("en", "es")).unwrap();
        let loading = entry.model(|| {
            // In the midst of loading.
            assert!(state(&engine, "en", "es").unwrap().is_loading);
            assert_eq!(engine.pairs().len(), 2);
            assert!(engine.serves(pair("en", "es")));
            greet(&engine, "es", "en").unwrap();
        });
        assert!(loading.is_ok() && is_loaded(&engine, "en", "es"));
    }

    #[test]
    fn everyday_sentences_are_translated() {
        check("Good morning.", &["Buenos días"]);
        check("I forgot to bring my umbrella.", &["Olvid", "paraguas"]);
        check("The train leaves at half past eight.", &["tren", "ocho y media"]);
        check("Click the button to save your changes.", &["botón", "guardar", "cambios"]);

        let english =
            translated("es", "en", &["¿Dónde está la farmacia?", "No me gusta la sopa fría."]);
        assert!(english[0].contains("pharmacy"), "{english:?}");
        assert!(english[1].contains("soup"), "{english:?}");
    }

    /// Lines as `source|translation`, from when the model was made. Other
    /// processors round otherwise, so that a few may differ.
    fn check_everyday(source: &str, target: &str, lines: &str) {
        let lines: Vec<(&str, &str)> =
            lines.lines().filter_map(|line| line.split_once('|')).collect();
        let segments: Vec<&str> = lines.iter().map(|(text, _)| *text).collect();
        let translations = translated(source, target, &segments);
        let as_before = lines.iter().zip(&translations).filter(|((_, old), new)| old == new);
        assert!(lines.len() - 3 <= as_before.count(), "{translations:#?}");
    }

    #[test]
    fn the_models_translate_as_when_they_were_made() {
        check_everyday("en", "es", include_str!("../../../../models/en-es/everyday.txt"));
        check_everyday("es", "en", include_str!("../../../../models/es-en/everyday.txt"));
    }

    #[test]
    fn what_the_vocabulary_does_not_know_survives() {
        check("Write to info@example.com.", &["info@example.com"]);
        check("I love you 😀", &["😀"]);
        for text in ["I love you 😀", "漢字 and 日本語", "\u{1F469}\u{200D}\u{1F680} ☂"] {
            let translation = translated("en", "es", &[text]).remove(0);
            assert!(!translation.contains("<0x"), "{text:?} became {translation:?}");
        }
    }

    #[test]
    fn capitals_are_read_and_written() {
        check("GOOD MORNING.", &["BUENOS DÍAS"]);
        let mixed = translated("en", "es", &["Good morning.", "I AM VERY TIRED.", "Good night."]);
        assert!(mixed[1].contains("CANSAD"), "{mixed:?}");
        assert!(
            mixed[0].contains("Buenos días") && mixed[2].contains("Buenas noches"),
            "{mixed:?}"
        );
    }

    #[test]
    fn results_come_back_in_order_with_their_white_space() {
        let numbers = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
        let sentences: Vec<String> = numbers
            .iter()
            .map(|number| format!("I have {number} dogs{}.", " here".repeat(number.len() % 3)))
            .collect();
        let mut segments: Vec<&str> = sentences.iter().map(String::as_str).collect();
        segments.extend(["", " \t ", "\u{1}", " Good morning. "]);

        let together = translated("en", "es", &segments);
        let alone: Vec<String> =
            segments.iter().map(|segment| translated("en", "es", &[*segment]).remove(0)).collect();
        assert_eq!(together, alone);
        assert_eq!(together[9..12], ["", " \t ", "\u{1}"]);
        assert!(together[12].starts_with(" B") && together[12].ends_with(' '), "{together:?}");
    }

    #[test]
    fn overlong_sentences_are_translated_whole() {
        let text = vec!["I have two dogs"; 60].join(", ");
        let translation = translated("en", "es", &[&text]).remove(0);
        assert!(50 <= translation.matches("perros").count(), "{translation}");

        let hostile = ["x".repeat(2_000), "漢".repeat(600), ".".repeat(2_000), "😀".repeat(500)];
        for text in &hostile {
            assert!(!translated("en", "es", &[text])[0].is_empty());
        }
    }

    #[test]
    fn a_raised_flag_stops_the_work() {
        let stop = StopFlag::default();
        stop.raise();
        let stopped = try_translate(&bundled(), pair("en", "es"), &["Good morning."], &stop);
        assert!(matches!(stopped, Err(EngineError::Stopped)));
    }

    #[test]
    fn other_pairs_are_not_served() {
        let refused = try_translate(&bundled(), pair("en", "fr"), &["a"], &StopFlag::default());
        assert!(matches!(refused, Err(EngineError::UnsupportedPair(_))));
        let none =
            NeuralEngine::open(&NeuralSettings { bundled: false, ..NeuralSettings::default() });
        assert!(none.unwrap().pairs().is_empty());
    }

    #[test]
    fn a_model_of_the_folder_wins() {
        let folder = models();
        fs::create_dir(folder.path().join("en-fr.part")).unwrap();
        let engine = open(&folder);
        let origins: Vec<String> =
            engine.installed().into_iter().map(|model| model.origin).collect();
        let own = folder.path().join(EN_ES).display().to_string();
        assert_eq!(origins, [own.as_str(), "inside the program"]);

        let translation =
            try_translate(&engine, pair("en", "es"), &["Good morning."], &StopFlag::default())
                .unwrap();
        assert!(translation[0].contains("Buenos días"), "{translation:?}");
    }

    #[test]
    fn all_threads_share_a_model() {
        let engine = bundled();
        let translate = || {
            let segments = ["Good morning.", "I have two dogs."];
            try_translate(&engine, pair("en", "es"), &segments, &StopFlag::default()).unwrap()
        };
        let expected = translate();
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(translate)).collect();
            for worker in workers {
                assert_eq!(worker.join().unwrap(), expected);
            }
        });
    }

    #[test]
    fn damaged_models_are_refused_by_name() {
        let flip = |path: &Path| {
            let mut bytes = fs::read(path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(path, bytes).unwrap();
        };
        let truncate = |path: &Path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
        };
        check_damaged(|at| fs::remove_file(at.join(MODEL)).unwrap(), &[MODEL, "missing", "copy"]);
        check_damaged(|at| truncate(&at.join(MODEL)), &[MODEL, "7178239 bytes instead of 7178240"]);
        check_damaged(|at| flip(&at.join(MODEL)), &[MODEL, "damaged", "copy the file again"]);
        check_damaged(|at| flip(&at.join(VOCABULARY)), &[VOCABULARY, "damaged"]);
        check_damaged(
            |at| truncate(&at.join("metadata.json")),
            &["metadata.json", "not the metadata"],
        );
        check_damaged(
            |at| fs::remove_dir_all(at).and_then(|()| fs::create_dir(at)).unwrap(),
            &["metadata.json", "missing"],
        );
    }

    #[test]
    fn files_that_are_no_model_are_refused_even_if_their_sums_are_right() {
        let [(_, model), (_, vocabulary)] = BUNDLED[0].files else { panic!("two files") };
        let mut huge_header = model.to_vec();
        huge_header[8..16].fill(0xFF);
        let without_weights = [&model[..8], &[0; 1_000]].concat();
        for (name, bytes) in [
            (MODEL, vec![0; model.len()]),
            (MODEL, huge_header),
            (MODEL, without_weights),
            (VOCABULARY, vec![0xFF; vocabulary.len()]),
            (VOCABULARY, Vec::new()),
        ] {
            let replace = |at: &Path| {
                fs::write(at.join(name), &bytes).unwrap();
                let sum = package::hexadecimal_sha256(&bytes);
                let files =
                    format!(r#"{{"{name}": {{"size": {}, "sha256": "{sum}"}}}}"#, bytes.len());
                let path = at.join("metadata.json");
                let mut metadata: serde_json::Value =
                    serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
                let files: serde_json::Value = serde_json::from_str(&files).unwrap();
                metadata["files"][name] = files[name].clone();
                fs::write(&path, metadata.to_string()).unwrap();
            };
            check_damaged(replace, &[EN_ES, "cannot be used", "another version"]);
        }
    }
}
