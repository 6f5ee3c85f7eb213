//! A model as it is stored: `metadata.json` beside the files it names.
//!
//! The files are the model (`model.*`) and either one vocabulary for both
//! languages (`vocab.*`) or one for each (`srcvocab.*`, `trgvocab.*`), as
//! Firefox names them; others are ignored. This page knows where a model lies
//! and whether it is whole, and nothing of how it computes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use domain::language::LanguagePair;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::bundled::Bundled;

/// Metadata is text that people write; more than this is something else.
const METADATA_BYTES_MAX: u64 = 1 << 20;
/// The largest known models have half of this.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// A model that is there, with the sizes its metadata promises. Whether the
/// content is right too is known when it is read.
#[derive(Clone, Debug)]
pub(super) struct Package {
    pub(super) pair: LanguagePair,
    pub(super) version: Option<String>,
    pub(super) size_bytes: u64,
    origin: Origin,
    model: StoredFile,
    source_vocabulary: StoredFile,
    target_vocabulary: StoredFile,
}

/// What is needed to compute: all of it checked against its sha256.
pub(super) struct Contents {
    pub(super) model: Cow<'static, [u8]>,
    pub(super) source_vocabulary: Cow<'static, [u8]>,
    /// None if it is the source's.
    pub(super) target_vocabulary: Option<Cow<'static, [u8]>>,
}

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

/// Where a model is from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    Bundled(Bundled),
    Folder(PathBuf),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct StoredFile {
    name: String,
    size: u64,
    sha256: String,
}

// The metadata holds much more, for people.
#[derive(Deserialize)]
struct Metadata {
    from: String,
    to: String,
    version: Option<String>,
    files: BTreeMap<String, FileMetadata>,
}

#[derive(Deserialize)]
struct FileMetadata {
    size: u64,
    sha256: String,
}

impl Package {
    /// The model inside the program.
    pub(super) fn bundled(bundled: Bundled) -> Result<Self, ModelProblem> {
        Self::describe(Origin::Bundled(bundled), bundled.metadata)
    }

    /// The model in `folder`, which is named after the pair `pair`.
    pub(super) fn in_folder(folder: PathBuf, pair: LanguagePair) -> Result<Self, ModelProblem> {
        let path = folder.join("metadata.json");
        let text = read_file(&path, METADATA_BYTES_MAX).and_then(|bytes| {
            String::from_utf8(bytes).map_err(|err| problem_with_metadata(&path, err.to_string()))
        })?;
        let package = Self::describe(Origin::Folder(folder), &text)?;
        if package.pair != pair {
            let reason = format!("it is for {}, and its folder for {pair}", package.pair);
            return Err(problem_with_metadata(&path, reason));
        }
        package.check_sizes()?;
        Ok(package)
    }

    fn describe(origin: Origin, text: &str) -> Result<Self, ModelProblem> {
        let problem = |reason: String| ModelProblem::Metadata {
            path: origin.path_of("metadata.json"),
            reason,
        };
        let metadata: Metadata =
            serde_json::from_str(text).map_err(|err| problem(err.to_string()))?;
        let pair = LanguagePair {
            source: metadata.from.parse().map_err(|_| problem(unknown(&metadata.from)))?,
            target: metadata.to.parse().map_err(|_| problem(unknown(&metadata.to)))?,
        };
        let find = |prefix: &str| find_file(&metadata.files, prefix).map_err(&problem);

        let model = find("model.")?.ok_or_else(|| problem("it names no model".to_owned()))?;
        let (source_vocabulary, target_vocabulary) =
            match (find("vocab.")?, find("srcvocab.")?, find("trgvocab.")?) {
                (Some(shared), _, _) => (shared.clone(), shared),
                (None, Some(source), Some(target)) => (source, target),
                (None, _, _) => return Err(problem("it names no vocabulary".to_owned())),
            };
        let mut size_bytes = model.size + source_vocabulary.size;
        if source_vocabulary != target_vocabulary {
            size_bytes += target_vocabulary.size;
        }
        let version = metadata.version;
        Ok(Self { pair, version, size_bytes, origin, model, source_vocabulary, target_vocabulary })
    }

    fn check_sizes(&self) -> Result<(), ModelProblem> {
        let Origin::Folder(folder) = &self.origin else {
            return Ok(());
        };
        for file in [&self.model, &self.source_vocabulary, &self.target_vocabulary] {
            let path = folder.join(&file.name);
            let found = fs::metadata(&path).map_err(|err| problem_with_file(&path, &err))?.len();
            if found != file.size {
                return Err(ModelProblem::Size {
                    path: path.display().to_string(),
                    expected: file.size,
                    found,
                });
            }
        }
        Ok(())
    }

    /// Reads everything and checks it.
    pub(super) fn contents(&self) -> Result<Contents, ModelProblem> {
        let source_vocabulary = self.read(&self.source_vocabulary)?;
        let is_shared = self.target_vocabulary == self.source_vocabulary;
        let target_vocabulary =
            if is_shared { None } else { Some(self.read(&self.target_vocabulary)?) };
        Ok(Contents { model: self.read(&self.model)?, source_vocabulary, target_vocabulary })
    }

    fn read(&self, file: &StoredFile) -> Result<Cow<'static, [u8]>, ModelProblem> {
        let path = self.origin.path_of(&file.name);
        let bytes: Cow<'static, [u8]> = match &self.origin {
            Origin::Bundled(bundled) => {
                let found = bundled.files.iter().find(|(name, _)| *name == file.name);
                let (_, bytes) =
                    found.ok_or_else(|| ModelProblem::Missing { path: path.clone() })?;
                Cow::Borrowed(bytes)
            }
            Origin::Folder(folder) => {
                Cow::Owned(read_file(&folder.join(&file.name), FILE_BYTES_MAX)?)
            }
        };
        let found = bytes.len() as u64;
        if found != file.size {
            return Err(ModelProblem::Size { path, expected: file.size, found });
        }
        if !file.sha256.eq_ignore_ascii_case(&hexadecimal_sha256(&bytes)) {
            return Err(ModelProblem::Checksum { path });
        }
        Ok(bytes)
    }

    /// Where the model is, for people.
    pub(super) fn place(&self) -> String {
        self.origin.place()
    }
}

impl Origin {
    fn place(&self) -> String {
        match self {
            Self::Bundled(_) => "inside the program".to_owned(),
            Self::Folder(folder) => folder.display().to_string(),
        }
    }

    fn path_of(&self, name: &str) -> String {
        match self {
            Self::Bundled(_) => format!("{name} inside the program"),
            Self::Folder(folder) => folder.join(name).display().to_string(),
        }
    }
}

/// The pair a folder is named after: `en-es`, `pt-zh-TW`.
pub(super) fn pair_of_folder(name: &str) -> Option<LanguagePair> {
    name.match_indices('-').find_map(|(dash, _)| {
        let (source, target) = (&name[..dash], &name[dash + 1..]);
        Some(LanguagePair { source: source.parse().ok()?, target: target.parse().ok()? })
    })
}

fn find_file(
    files: &BTreeMap<String, FileMetadata>,
    prefix: &str,
) -> Result<Option<StoredFile>, String> {
    let mut found = files.iter().filter(|(name, _)| name.starts_with(prefix));
    let Some((name, file)) = found.next() else {
        return Ok(None);
    };
    if found.next().is_some() {
        return Err(format!("it names more than one file that begins with {prefix}"));
    }
    // A name never leads out of the folder.
    if name.contains(['/', '\\', '\0']) {
        return Err("it names a file of another folder".to_owned());
    }
    if FILE_BYTES_MAX < file.size {
        return Err(format!("{name} would have more than {FILE_BYTES_MAX} bytes"));
    }
    Ok(Some(StoredFile { name: name.clone(), size: file.size, sha256: file.sha256.clone() }))
}

fn read_file(path: &Path, bytes_max: u64) -> Result<Vec<u8>, ModelProblem> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(bytes_max + 1).read_to_end(&mut bytes));
    match read {
        Ok(count) if bytes_max < count as u64 => Err(ModelProblem::Unreadable {
            path: path.display().to_string(),
            reason: format!("it has more than {bytes_max} bytes"),
        }),
        Ok(_) => Ok(bytes),
        Err(err) => Err(problem_with_file(path, &err)),
    }
}

fn problem_with_file(path: &Path, err: &io::Error) -> ModelProblem {
    let path = path.display().to_string();
    if err.kind() == ErrorKind::NotFound {
        return ModelProblem::Missing { path };
    }
    ModelProblem::Unreadable { path, reason: err.to_string() }
}

fn problem_with_metadata(path: &Path, reason: String) -> ModelProblem {
    ModelProblem::Metadata { path: path.display().to_string(), reason }
}

fn unknown(code: &str) -> String {
    format!("there is no language '{code}'")
}

pub(super) fn hexadecimal_sha256(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: Option<(&str, &str)>) {
        let pair = pair_of_folder(name);
        let codes = pair.as_ref().map(|pair| (pair.source.as_str(), pair.target.as_str()));
        assert_eq!(codes, expected, "{name}");
    }

    #[test]
    fn folders_are_named_after_pairs() {
        check("en-es", Some(("en", "es")));
        check("en-zh-TW", Some(("en", "zh-TW")));
        check("zh-TW-en", Some(("zh-TW", "en")));
        check("fr-CA-es-MX", Some(("fr-CA", "es-MX")));
        for other in ["en", "en-xx", ".en-es", "en-es.part", "lost+found", ""] {
            check(other, None);
        }
    }

    #[test]
    fn metadata_that_is_no_models_is_refused() {
        let refused = |text: &str| {
            let origin = Origin::Folder(PathBuf::from("/models/en-es"));
            Package::describe(origin, text).expect_err(text).to_string()
        };
        let file = r#"{"size": 1, "sha256": ""}"#;
        let huge = r#"{"size": 99999999999, "sha256": ""}"#;

        for (text, reason) in [
            ("", "EOF"),
            (r#"{"from": "en"}"#, "missing field"),
            (r#"{"from": "en", "to": "xx", "files": {}}"#, "there is no language 'xx'"),
            (r#"{"from": "en", "to": "es", "files": {}}"#, "names no model"),
            (
                &format!(r#"{{"from": "en", "to": "es", "files": {{"model.a": {file}}}}}"#),
                "names no vocabulary",
            ),
            (
                &format!(r#"{{"from": "en", "to": "es", "files": {{"model./../a": {file}}}}}"#),
                "another folder",
            ),
            (
                &format!(r#"{{"from": "en", "to": "es", "files": {{"model.a": {huge}}}}}"#),
                "more than",
            ),
        ] {
            let message = refused(text);
            assert!(message.starts_with("/models/en-es/metadata.json "), "{message}");
            assert!(message.contains(reason), "{message}");
        }
    }
}
