//! A model of files that someone has: Firefox's as they are published, say.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use domain::language::LanguagePair;
use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::changes::Changes;
use super::fetch::read_bounded;
use super::pull::Tee;
use super::{ModelStore, ModelStoreError, StoredModel};
use crate::neural::metadata::{
    FILE_BYTES_MAX, FileMetadata, METADATA, METADATA_BYTES_MAX, Metadata, PREFIXES,
};
use crate::neural::package::hexadecimal;

/// Files in a folder that are looked at.
const FILES_MAX: usize = 1_000;

/// What is known of a model that is added. What is not given is taken from the
/// folder's own metadata, if it has any.
#[derive(Clone, Debug)]
pub struct About {
    /// What it is for.
    pub pair: LanguagePair,
    /// What to call it.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Its license.
    pub license: Option<String>,
}

impl ModelStore {
    /// Copies the files of a model in `folder`, unpacks those that end with
    /// `.gz`, and installs them as the model of its pair.
    pub fn add(&self, folder: &Path, about: &About) -> Result<StoredModel, ModelStoreError> {
        let no_model = |reason: String| ModelStoreError::NoModel {
            folder: folder.display().to_string(),
            reason,
        };
        let sources = files_of_model(folder)?;
        let known = read_metadata(folder).map_err(no_model)?;
        let mut metadata = describe(about, &known);
        for (name, path) in &sources {
            // Sizes and sums come when the file is read.
            let unread = FileMetadata { size: 0, sha256: String::new(), compression: None };
            if metadata.files.insert(name.clone(), unread).is_some() {
                return Err(no_model(format!("{} is there twice", path.display())));
            }
        }
        // Before anything is copied: whether these are the files of a model.
        metadata.parts().map_err(no_model)?;

        let changes = Changes::begin(&self.folder)?;
        // Nothing of another attempt: these files are at hand.
        changes.discard(about.pair);
        let gathered = changes.gather(about.pair)?;
        for (name, path) in &sources {
            let file = copy(path, &gathered.join(name)).map_err(ModelStoreError::file(path))?;
            if let Some(sum) = known_sum(&known, name)
                && !sum.eq_ignore_ascii_case(&file.sha256)
            {
                changes.discard(about.pair);
                let path = path.display();
                return Err(no_model(format!("{path} has not the sha256 that {METADATA} names")));
            }
            metadata.files.insert(name.clone(), file);
        }
        let parts = metadata.parts().map_err(no_model)?;
        self.install(&changes, about.pair, &metadata.of_unpacked(&parts))
    }
}

// The names that a model's files have, and where they are.
fn files_of_model(folder: &Path) -> Result<Vec<(String, PathBuf)>, ModelStoreError> {
    let failed = || ModelStoreError::file(folder);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed())?.take(FILES_MAX) {
        let entry = entry.map_err(failed())?;
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else { continue };
        let name = name.strip_suffix(".gz").unwrap_or(&name).to_owned();
        if PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && path.is_file() {
            found.push((name, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

// Others write other things into a file of this name: any JSON will do.
fn read_metadata(folder: &Path) -> Result<Map<String, Value>, String> {
    let path = folder.join(METADATA);
    if !path.exists() {
        return Ok(Map::new());
    }
    let bytes = read_bounded(&path, METADATA_BYTES_MAX)?;
    serde_json::from_slice(&bytes).map_err(|err| format!("{}: {err}", path.display()))
}

fn describe(about: &About, known: &Map<String, Value>) -> Metadata {
    let text = |key: &str| known.get(key).and_then(Value::as_str).map(str::to_owned);
    let ours = ["from", "to", "name", "version", "architecture", "license", "files"];
    let rest = known.iter().filter(|(key, _)| !ours.contains(&key.as_str()));
    Metadata {
        from: about.pair.source.to_string(),
        to: about.pair.target.to_string(),
        name: about.name.clone().or_else(|| text("name")),
        version: about.version.clone().or_else(|| text("version")),
        architecture: known.get("architecture").cloned(),
        license: about.license.clone().or_else(|| text("license")),
        files: std::collections::BTreeMap::new(),
        rest: rest.map(|(key, value)| (key.clone(), value.clone())).collect(),
    }
}

fn known_sum<'a>(known: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    known.get("files")?.get(name)?.get("sha256")?.as_str()
}

fn copy(from: &Path, to: &Path) -> io::Result<FileMetadata> {
    let source = File::open(from)?;
    let is_packed = from.extension().is_some_and(|extension| extension == "gz");
    let reader: Box<dyn Read> =
        if is_packed { Box::new(MultiGzDecoder::new(source)) } else { Box::new(source) };
    let mut reader = Tee { reader: reader.take(FILE_BYTES_MAX + 1), copy: File::create(to)? };
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    let mut size = 0;
    loop {
        let count = reader.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        size += count as u64;
        hash.update(&buffer[..count]);
    }
    Ok(FileMetadata { size, sha256: hexadecimal(&hash.finalize()), compression: None })
}
