//! Models for other machines: as one file, or as a mirror.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use domain::language::LanguagePair;

use super::changes::{sync_folder, write_synced};
use super::fetch::read_bounded;
use super::mirror::{INDEX, INDEX_BYTES_MAX, Index, offers_of};
use super::{ModelStore, ModelStoreError, StoredModel};
use crate::neural::metadata::{Metadata, folder_of_pair};
use crate::neural::package::Package;

impl ModelStore {
    /// Writes the models of `pairs`, or all if there are none, into one file. Each
    /// is compared with its sums; a damaged one ends it.
    pub fn export(
        &self,
        file: &Path,
        pairs: &[LanguagePair],
    ) -> Result<Vec<StoredModel>, ModelStoreError> {
        let packages = self.chosen(pairs)?;
        let unfinished = beside(file);
        let written = write_bundle(&unfinished, &packages)
            .and_then(|()| fs::rename(&unfinished, file).map_err(ModelStoreError::file(file)));
        if written.is_err() {
            let _gone_or_never_there = fs::remove_file(&unfinished);
        }
        written?;
        Ok(self.exported(packages))
    }

    /// Makes a mirror of `folder`, or adds to the one that it is.
    pub fn export_mirror(
        &self,
        folder: &Path,
        pairs: &[LanguagePair],
    ) -> Result<Vec<StoredModel>, ModelStoreError> {
        let packages = self.chosen(pairs)?;
        fs::create_dir_all(folder).map_err(ModelStoreError::file(folder))?;
        let mut index = read_index(folder)?;
        for package in &packages {
            let own = folder.join(folder_of_pair(package.pair));
            fs::create_dir_all(&own).map_err(ModelStoreError::file(&own))?;
            for file in package.parts.iter() {
                let path = own.join(&file.name);
                replace(&path, &package.read(file)?)?;
            }
            index.models.retain(|model| model.pair() != Ok(package.pair));
            index.models.push(listed(package));
        }
        index.models.sort_by(|one, other| (&one.from, &one.to).cmp(&(&other.from, &other.to)));
        // Last, so that it names nothing that is not there.
        replace(&folder.join(INDEX), index_text(&index).as_bytes())?;
        sync_folder(folder)?;
        Ok(self.exported(packages))
    }

    fn exported(&self, packages: Vec<Package>) -> Vec<StoredModel> {
        packages.into_iter().map(|package| self.stored(package.pair, &Ok(package))).collect()
    }
}

fn write_bundle(path: &Path, packages: &[Package]) -> Result<(), ModelStoreError> {
    let failed = || ModelStoreError::file(path);
    let mut bundle = tar::Builder::new(BufWriter::new(File::create(path).map_err(failed())?));
    let index = Index { models: packages.iter().map(listed).collect() };
    append(&mut bundle, INDEX, index_text(&index).as_bytes()).map_err(failed())?;
    for package in packages {
        for file in package.parts.iter() {
            let name = format!("{}/{}", folder_of_pair(package.pair), file.name);
            append(&mut bundle, &name, &package.read(file)?).map_err(failed())?;
        }
    }
    let file = bundle.into_inner().map_err(failed())?;
    let file = file.into_inner().map_err(|err| failed()(err.into_error()))?;
    file.sync_all().map_err(failed())
}

// The same models make the same bytes, whenever and by whomever.
fn append(bundle: &mut tar::Builder<impl Write>, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_entry_type(tar::EntryType::Regular);
    bundle.append_data(&mut header, name, bytes)
}

fn listed(package: &Package) -> Metadata {
    package.metadata.of_unpacked(&package.parts)
}

fn index_text(index: &Index) -> String {
    serde_json::to_string_pretty(index).unwrap_or_default() + "\n"
}

fn read_index(folder: &Path) -> Result<Index, ModelStoreError> {
    let path = folder.join(INDEX);
    if !path.exists() {
        return Ok(Index::default());
    }
    let mirror = |reason: String| ModelStoreError::Mirror {
        place: folder.display().to_string(),
        reason: format!("{INDEX}: {reason}"),
    };
    let bytes = read_bounded(&path, INDEX_BYTES_MAX).map_err(mirror)?;
    offers_of(&bytes).map_err(mirror)?;
    serde_json::from_slice(&bytes).map_err(|err| mirror(err.to_string()))
}

// Whoever reads it at the same time gets the old one or the new one.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), ModelStoreError> {
    let unfinished = beside(path);
    write_synced(&unfinished, bytes)
        .and_then(|()| fs::rename(&unfinished, path))
        .map_err(ModelStoreError::file(path))
}

fn beside(path: &Path) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(".part");
    path.into()
}
