//! A model as it is stored: `metadata.json` beside the files it names.
//!
//! The files are the model (`model.*`), either one vocabulary for both
//! languages (`vocab.*`) or one for each (`srcvocab.*`, `trgvocab.*`), and
//! perhaps a list of which words a word may become (`lex.*`), as Firefox names
//! them; others are ignored. This page knows where a model lies and whether it
//! is whole, and nothing of how it computes.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use domain::language::LanguagePair;
use sha2::{Digest, Sha256};

use super::bundled::Bundled;
use super::metadata::{FILE_BYTES_MAX, METADATA, METADATA_BYTES_MAX, Metadata, Parts, StoredFile};
pub(super) use super::problem::ModelProblem;

/// A model that is there, with the sizes its metadata promises. Whether the
/// content is right too is known when it is read.
#[derive(Clone, Debug)]
pub(super) struct Package {
    pub(super) pair: LanguagePair,
    pub(super) metadata: Metadata,
    pub(super) parts: Parts,
    origin: Origin,
}

/// What is needed to compute: all of it checked against its sha256.
pub(super) struct Contents {
    pub(super) model: Cow<'static, [u8]>,
    pub(super) source_vocabulary: Cow<'static, [u8]>,
    /// None if it is the source's.
    pub(super) target_vocabulary: Option<Cow<'static, [u8]>>,
    /// Which words each word may become, if the model has such a list.
    pub(super) shortlist: Option<Cow<'static, [u8]>>,
}

/// Where a model is from.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    Bundled(Bundled),
    Folder(PathBuf),
}

impl Package {
    /// The model inside the program.
    pub(super) fn bundled(bundled: Bundled) -> Result<Self, ModelProblem> {
        Self::describe(Origin::Bundled(bundled), bundled.metadata)
    }

    /// The model for `pair` in `folder`.
    pub(super) fn in_folder(folder: PathBuf, pair: LanguagePair) -> Result<Self, ModelProblem> {
        let path = folder.join(METADATA);
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
        let problem =
            |reason: String| ModelProblem::Metadata { path: origin.path_of(METADATA), reason };
        let metadata: Metadata =
            serde_json::from_str(text).map_err(|err| problem(err.to_string()))?;
        let pair = metadata.pair().map_err(problem)?;
        let parts = metadata.parts().map_err(problem)?;
        Ok(Self { pair, metadata, parts, origin })
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.parts.size_bytes()
    }

    /// A number that another content does not have.
    pub(super) fn revision(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for file in self.parts.iter() {
            file.sha256.hash(&mut hasher);
        }
        hasher.finish()
    }

    fn check_sizes(&self) -> Result<(), ModelProblem> {
        let Origin::Folder(folder) = &self.origin else {
            return Ok(());
        };
        for file in self.parts.iter() {
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
        let Parts { model, source_vocabulary, target_vocabulary, shortlist } = &self.parts;
        let read = |file: &Option<StoredFile>| file.as_ref().map(|file| self.read(file));
        Ok(Contents {
            source_vocabulary: self.read(source_vocabulary)?,
            target_vocabulary: read(target_vocabulary).transpose()?,
            shortlist: read(shortlist).transpose()?,
            model: self.read(model)?,
        })
    }

    /// Reads one of the files and checks it.
    pub(super) fn read(&self, file: &StoredFile) -> Result<Cow<'static, [u8]>, ModelProblem> {
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

    pub(super) fn is_bundled(&self) -> bool {
        matches!(self.origin, Origin::Bundled(_))
    }

    /// Where the model is, for people.
    pub(super) fn place(&self) -> String {
        self.origin.place()
    }
}

impl Contents {
    /// All of it together.
    pub(super) fn size_bytes(&self) -> usize {
        let Self { model, source_vocabulary, target_vocabulary, shortlist } = self;
        let optional = [target_vocabulary, shortlist].into_iter().flatten();
        model.len() + source_vocabulary.len() + optional.map(|bytes| bytes.len()).sum::<usize>()
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

pub(super) fn hexadecimal_sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

pub(super) fn hexadecimal(digest: &[u8]) -> String {
    let mut digits = String::with_capacity(64);
    for byte in digest {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_that_is_no_models_is_refused() {
        let refused = |text: &str| {
            let origin = Origin::Folder(PathBuf::from("/models/en-es"));
            Package::describe(origin, text).expect_err(text).to_string()
        };
        let file = r#"{"size": 1, "sha256": ""}"#;

        for (text, reason) in [
            ("", "EOF"),
            (r#"{"from": "en"}"#, "missing field"),
            (r#"{"from": "en", "to": "xx", "files": {}}"#, "there is no language 'xx'"),
            (r#"{"from": "en", "to": "es", "files": {}}"#, "names no model"),
            (
                &format!(r#"{{"from": "en", "to": "es", "files": {{"model.a": {file}}}}}"#),
                "names no vocabulary",
            ),
        ] {
            let message = refused(text);
            assert!(message.starts_with("/models/en-es/metadata.json "), "{message}");
            assert!(message.contains(reason), "{message}");
        }
    }
}
