//! Why a model cannot be used, and what to do about it.

/// Why a model cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelProblem {
    /// A file is not there.
    #[error("{path} is missing: copy the whole model folder again, or remove it")]
    Missing {
        /// The file.
        path: String,
    },
    /// A file or folder is there, and reading it failed.
    #[error("{path} cannot be read ({reason}): make it readable, or remove it")]
    Unreadable {
        /// The file or folder.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// `metadata.json` is not what it should be.
    #[error("{path} is not the metadata of a model ({reason}): copy the model folder again")]
    Metadata {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file was cut off or is another one.
    #[error("{path} has {found} bytes instead of {expected}: copy the file again")]
    Size {
        /// The file.
        path: String,
        /// What the metadata says.
        expected: u64,
        /// What is there.
        found: u64,
    },
    /// A file has the right size and the wrong content.
    #[error("{path} is damaged, its sha256 is not the one in metadata.json: copy the file again")]
    Checksum {
        /// The file.
        path: String,
    },
    /// The files are what their metadata says, and still no model for this program.
    #[error("{path} cannot be used ({reason}): use another version of the model")]
    Unusable {
        /// The folder.
        path: String,
        /// What the library said.
        reason: String,
    },
}
