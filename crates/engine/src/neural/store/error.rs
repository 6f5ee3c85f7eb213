//! Why the models of this machine could not be changed or looked at.

use std::io;
use std::path::Path;

use domain::language::LanguagePair;

use crate::neural::ModelProblem;
use crate::neural::metadata::folder_of_pair;

/// Why something was not done, and what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ModelStoreError {
    /// A file or folder of this machine could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Another command is at it.
    #[error("another command is changing the models in {folder}: wait until it has ended")]
    Busy {
        /// The folder of models.
        folder: String,
    },
    /// There is no such model.
    #[error("there is no model {} here: `metaphrast models list` shows what there is", folder_of_pair(*.0))]
    NotInstalled(LanguagePair),
    /// It cannot be taken out of the program.
    #[error(
        "the model {} is inside the program: engines.neural.bundled = false does without those",
        folder_of_pair(*.0)
    )]
    Bundled(LanguagePair),
    /// A model cannot be used.
    #[error(transparent)]
    Model(#[from] ModelProblem),
    /// A folder has not the files of a model.
    #[error("{folder} is not a model's folder: {reason}")]
    NoModel {
        /// The folder.
        folder: String,
        /// What is missing or wrong.
        reason: String,
    },
    /// The mirror has no list, or not one that can be trusted.
    #[error("the mirror {place} cannot be used: {reason}")]
    Mirror {
        /// The mirror, without a password.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// The mirror has no such model.
    #[error("the mirror {place} has no model {}", folder_of_pair(*pair))]
    NotOffered {
        /// What was asked for.
        pair: LanguagePair,
        /// The mirror, without a password.
        place: String,
    },
    /// A file could not be fetched.
    #[error("{place} could not be fetched: {reason}")]
    Fetch {
        /// The file, without a password.
        place: String,
        /// What happened.
        reason: String,
    },
    /// A file of models is not one, or was changed.
    #[error("{file} is not a whole bundle of models: {reason}")]
    Bundle {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
}

impl ModelStoreError {
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        |source| Self::File { path, source }
    }
}
