//! The models of this machine: found in their folder and inside the program,
//! found again when the folder changes, and held within a bound of memory.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::language::LanguagePair;

use super::NeuralSettings;
use super::bundled::BUNDLED;
use super::entry::{Entry, Source};
use super::metadata::pair_of_folder;
use super::package::{ModelProblem, Package};
use super::stamp::Stamp;

/// The models, by what they are for.
#[derive(Default)]
pub(super) struct Shelf {
    models: BTreeMap<LanguagePair, Arc<Entry>>,
}

impl Shelf {
    /// Looks at what there is. Models of `old` that did not change stay, loaded
    /// or not.
    pub(super) fn find(settings: &NeuralSettings, old: &Self) -> Result<Self, ModelProblem> {
        let mut models = BTreeMap::new();
        for (pair, folder) in folders_of_models(settings.models_dir.as_deref())? {
            // The look goes before the reading: what changes in between is seen next time.
            let stamp = Stamp::of(&folder).ok();
            let known = old.get(pair).filter(|entry| entry.looks_like(stamp.as_ref()));
            let entry = known.unwrap_or_else(|| {
                let origin = folder.display().to_string();
                let source = Source::Folder(stamp);
                Arc::new(Entry::new(origin, source, Package::in_folder(folder, pair)))
            });
            models.insert(pair, entry);
        }
        if settings.bundled {
            for bundled in BUNDLED {
                let package = Package::bundled(*bundled)?;
                let known = old.get(package.pair).filter(|entry| entry.is_bundled());
                models.entry(package.pair).or_insert_with(|| {
                    known.unwrap_or_else(|| {
                        Arc::new(Entry::new(package.place(), Source::Bundled, Ok(package)))
                    })
                });
            }
        }
        Ok(Self { models })
    }

    /// Whether the folder of models is no longer what it was. Reads no file.
    pub(super) fn is_outdated(&self, settings: &NeuralSettings) -> Result<bool, ModelProblem> {
        let folders = folders_of_models(settings.models_dir.as_deref())?;
        let known = self.models.values().filter(|entry| !entry.is_bundled()).count();
        let is_known = |(pair, folder): &(LanguagePair, PathBuf)| {
            let stamp = Stamp::of(folder).ok();
            self.models.get(pair).is_some_and(|entry| entry.looks_like(stamp.as_ref()))
        };
        Ok(known != folders.len() || !folders.iter().all(is_known))
    }

    pub(super) fn get(&self, pair: LanguagePair) -> Option<Arc<Entry>> {
        self.models.get(&pair).cloned()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (LanguagePair, &Arc<Entry>)> {
        self.models.iter().map(|(pair, entry)| (*pair, entry))
    }

    /// Lets go of models until all that are loaded take no more than `bytes`,
    /// those that were not used for longest first, and none that is in use.
    pub(super) fn shrink_to(&self, bytes: u64) {
        let mut entries: Vec<&Arc<Entry>> = self.models.values().collect();
        let mut taken: u64 = entries.iter().map(|entry| entry.memory_bytes()).sum();
        entries.sort_by_key(|entry| entry.last_used());
        for entry in entries {
            if taken <= bytes {
                return;
            }
            let memory_bytes = entry.memory_bytes();
            if entry.unload() {
                taken = taken.saturating_sub(memory_bytes);
            }
        }
    }
}

/// The folders that are named after pairs, in the order of the pairs. Other
/// folders and files, such as unfinished downloads, are none of ours.
pub(super) fn folders_of_models(
    folder: Option<&Path>,
) -> Result<Vec<(LanguagePair, PathBuf)>, ModelProblem> {
    let Some(folder) = folder else {
        return Ok(Vec::new());
    };
    let unreadable = |err: std::io::Error| ModelProblem::Unreadable {
        path: folder.display().to_string(),
        reason: err.to_string(),
    };
    let listing = match fs::read_dir(folder) {
        Err(err) if err.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        listing => listing.map_err(unreadable)?,
    };
    let mut found = Vec::new();
    for entry in listing {
        let entry = entry.map_err(unreadable)?;
        let pair = entry.file_name().to_str().and_then(pair_of_folder);
        found.extend(pair.map(|pair| (pair, entry.path())));
    }
    found.sort_unstable_by_key(|(pair, _)| *pair);
    Ok(found)
}
