//! The models on this machine as things to be put there, looked at and taken
//! away: by a command, while servers run.
//!
//! A model is installed whole or not at all. It is gathered in a folder beside
//! the others, checked, tried, and then takes its place in one step; what was
//! there before serves until then. Nothing here computes a translation beyond
//! that trial.
//!
//! Start reading at [`ModelStore`]; `changes.rs` has the one step.

mod add;
mod bundle;
mod changes;
mod error;
mod export;
mod fetch;
mod mirror;
mod pull;

pub use add::About;
pub use error::ModelStoreError;
pub use mirror::{Mirror, OfferedModel};
pub use pull::{Progress, Pulled};

use std::path::PathBuf;

use domain::language::LanguagePair;

use self::changes::Changes;
use super::bundled::BUNDLED;
use super::metadata::{Metadata, folder_of_pair, pair_of_folder};
use super::model::Model;
use super::package::Package;
use super::problem::ModelProblem;
use super::shelf::folders_of_models;

/// The models of a folder, and those inside the program.
#[derive(Clone, Debug)]
pub struct ModelStore {
    folder: PathBuf,
    is_bundled_used: bool,
    // Whether what was gathered is a model.
    check: fn(&Package) -> Result<(), ModelProblem>,
}

/// What a folder is named after, and what is in it.
type Found = (LanguagePair, Result<Package, ModelProblem>);

/// A model that is on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredModel {
    /// What it is for.
    pub pair: LanguagePair,
    /// Where it is, in words or as a path.
    pub origin: String,
    /// Whether it is inside the program.
    pub is_bundled: bool,
    /// What its maker calls it.
    pub name: Option<String>,
    /// Its version, as its maker writes it.
    pub version: Option<String>,
    /// What kind of network it is.
    pub architecture: Option<String>,
    /// Its license.
    pub license: Option<String>,
    /// The size of its files.
    pub size_bytes: u64,
    /// Why it cannot be used.
    pub problem: Option<ModelProblem>,
}

/// The pair that a folder or a person names `en-es`.
pub fn parse_pair(name: &str) -> Option<LanguagePair> {
    pair_of_folder(name)
}

impl ModelStore {
    /// The models in `folder`, which need not exist, and those inside the
    /// program if `is_bundled_used`.
    pub fn new(folder: PathBuf, is_bundled_used: bool) -> Self {
        Self { folder, is_bundled_used, check }
    }

    /// What there is, by pair. A model inside the program that has another in
    /// its place is left out. Reads no model.
    pub fn list(&self) -> Result<Vec<StoredModel>, ModelStoreError> {
        let packages = self.packages()?;
        Ok(packages.iter().map(|(pair, package)| self.stored(*pair, package)).collect())
    }

    /// Reads the models of `pairs`, or all if there are none, compares them with
    /// their sums and tries them. The problem of each says what was found.
    pub fn verify(&self, pairs: &[LanguagePair]) -> Result<Vec<StoredModel>, ModelStoreError> {
        let packages = self.packages()?;
        let has = |pair: &&LanguagePair| packages.iter().any(|(it, _)| it == *pair);
        if let Some(missing) = pairs.iter().find(|pair| !has(pair)) {
            return Err(ModelStoreError::NotInstalled(*missing));
        }
        let is_wanted = |pair: &LanguagePair| pairs.is_empty() || pairs.contains(pair);
        let verified = |(pair, package): Found| {
            let checked = package.and_then(|package| (self.check)(&package).map(|()| package));
            let mut stored = self.stored(pair, &checked);
            // What is damaged has its name all the same.
            if let (Err(problem), Ok(package)) = (&checked, self.package(pair)) {
                stored = StoredModel {
                    problem: Some(problem.clone()),
                    ..self.stored(pair, &Ok(package))
                };
            }
            stored
        };
        Ok(packages.into_iter().filter(|(pair, _)| is_wanted(pair)).map(verified).collect())
    }

    /// Takes a model away. One inside the program comes in its place, if there is one.
    pub fn remove(&self, pair: LanguagePair) -> Result<(), ModelStoreError> {
        let is_installed = || self.folder.join(folder_of_pair(pair)).symlink_metadata().is_ok();
        if !is_installed() {
            let is_bundled = self.packages()?.iter().any(|(it, _)| *it == pair);
            return Err(if is_bundled {
                ModelStoreError::Bundled(pair)
            } else {
                ModelStoreError::NotInstalled(pair)
            });
        }
        let changes = Changes::begin(&self.folder)?;
        if !is_installed() {
            return Err(ModelStoreError::NotInstalled(pair));
        }
        changes.remove(pair)
    }

    fn packages(&self) -> Result<Vec<Found>, ModelStoreError> {
        let folders = folders_of_models(Some(&self.folder))?;
        let mut packages: Vec<_> = folders
            .into_iter()
            .map(|(pair, folder)| (pair, Package::in_folder(folder, pair)))
            .collect();
        if self.is_bundled_used {
            for bundled in BUNDLED {
                let package = Package::bundled(*bundled)?;
                if packages.iter().all(|(pair, _)| *pair != package.pair) {
                    packages.push((package.pair, Ok(package)));
                }
            }
        }
        packages.sort_by_key(|(pair, _)| folder_of_pair(*pair));
        Ok(packages)
    }

    // The usable models of `pairs`, or all if there are none.
    fn chosen(&self, pairs: &[LanguagePair]) -> Result<Vec<Package>, ModelStoreError> {
        let mut chosen = Vec::new();
        let packages = self.packages()?;
        let has = |pair: &&LanguagePair| packages.iter().any(|(it, _)| it == *pair);
        if let Some(missing) = pairs.iter().find(|pair| !has(pair)) {
            return Err(ModelStoreError::NotInstalled(*missing));
        }
        for (pair, package) in packages {
            if pairs.is_empty() || pairs.contains(&pair) {
                chosen.push(package?);
            }
        }
        Ok(chosen)
    }

    fn package(&self, pair: LanguagePair) -> Result<Package, ModelProblem> {
        Package::in_folder(self.folder.join(folder_of_pair(pair)), pair)
    }

    fn stored(&self, pair: LanguagePair, package: &Result<Package, ModelProblem>) -> StoredModel {
        match package {
            Ok(package) => StoredModel {
                pair,
                origin: package.place(),
                is_bundled: package.is_bundled(),
                name: package.metadata.name.clone(),
                version: package.metadata.version.clone(),
                architecture: package.metadata.architecture(),
                license: package.metadata.license.clone(),
                size_bytes: package.size_bytes(),
                problem: None,
            },
            Err(problem) => StoredModel {
                pair,
                origin: self.folder.join(folder_of_pair(pair)).display().to_string(),
                is_bundled: false,
                name: None,
                version: None,
                architecture: None,
                license: None,
                size_bytes: 0,
                problem: Some(problem.clone()),
            },
        }
    }

    // Makes what was gathered a model, if it is one.
    fn seal(
        &self,
        changes: &Changes,
        pair: LanguagePair,
        metadata: &Metadata,
    ) -> Result<(), ModelStoreError> {
        let gathered = changes.seal(pair, metadata)?;
        let checked = Package::in_folder(gathered, pair).and_then(|package| (self.check)(&package));
        if let Err(problem) = checked {
            changes.discard(pair);
            return Err(problem.into());
        }
        Ok(())
    }

    // Makes what was gathered the model of its pair.
    fn install(
        &self,
        changes: &Changes,
        pair: LanguagePair,
        metadata: &Metadata,
    ) -> Result<StoredModel, ModelStoreError> {
        self.seal(changes, pair, metadata)?;
        changes.install(pair)?;
        Ok(self.stored(pair, &self.package(pair)))
    }
}

// Every byte is compared with its sum, and a sentence is translated.
fn check(package: &Package) -> Result<(), ModelProblem> {
    let contents = package.contents()?;
    debug_assert_eq!(contents.size_bytes() as u64, package.size_bytes());
    drop(contents);
    Model::load(package).map(|_| ())
}

#[cfg(test)]
mod tests;
