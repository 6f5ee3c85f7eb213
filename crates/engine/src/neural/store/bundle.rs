//! Models out of one file: a tar with a mirror's list first and then its files,
//! so that it may be unpacked into a mirror as well.
//!
//! The file may come from anywhere. Nothing is written but what the list names,
//! in the size that it names, and nothing is installed before all of it is there
//! and right. Links, folders, long names and whatever else tar knows are refused.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use tar::{Archive, Entry, EntryType};

use super::changes::Changes;
use super::mirror::{INDEX, INDEX_BYTES_MAX, OfferedModel, offers_of};
use super::pull::{Tee, check_sum};
use super::{ModelStore, ModelStoreError, StoredModel};
use crate::neural::metadata::{StoredFile, folder_of_pair};

type Reader = BufReader<File>;

impl ModelStore {
    /// Installs the models of a file that [`ModelStore::export`] wrote: all, or
    /// none if anything is wrong with it.
    pub fn import(&self, file: &Path) -> Result<Vec<StoredModel>, ModelStoreError> {
        let failed =
            |reason: String| ModelStoreError::Bundle { file: file.display().to_string(), reason };
        let opened = File::open(file).map_err(ModelStoreError::file(file))?;
        let mut archive = Archive::new(BufReader::new(opened));
        let changes = Changes::begin(&self.folder)?;
        let mut entries = archive.entries().map_err(|err| failed(err.to_string()))?.raw(true);
        let index = next(&mut entries).map_err(failed)?.ok_or("it is empty".to_owned());
        let offers = index.and_then(read_index).map_err(failed)?;
        let gathered = gather(&changes, &offers, &mut entries).map_err(failed);
        let checked = gathered.and_then(|()| self.seal_all(&changes, &offers));
        if let Err(err) = checked {
            for offer in &offers {
                changes.discard(offer.pair);
            }
            return Err(err);
        }
        for offer in &offers {
            changes.install(offer.pair)?;
        }
        Ok(offers.iter().map(|it| self.stored(it.pair, &self.package(it.pair))).collect())
    }

    fn seal_all(&self, changes: &Changes, offers: &[OfferedModel]) -> Result<(), ModelStoreError> {
        for offer in offers {
            self.seal(changes, offer.pair, &offer.metadata.of_unpacked(&offer.parts))?;
        }
        Ok(())
    }
}

fn gather<'a>(
    changes: &Changes,
    offers: &[OfferedModel],
    entries: &mut impl Iterator<Item = std::io::Result<Entry<'a, Reader>>>,
) -> Result<(), String> {
    let mut missing = BTreeMap::new();
    for offer in offers {
        changes.discard(offer.pair);
        let folder = changes.gather(offer.pair).map_err(|err| err.to_string())?;
        for file in offer.parts.iter() {
            if file.compression.is_some() {
                return Err(format!("{} is packed once more", file.name));
            }
            let name = format!("{}/{}", folder_of_pair(offer.pair), file.name);
            missing.insert(name, (file, folder.join(&file.name)));
        }
    }
    while let Some(entry) = next(entries)? {
        let name = name_of(&entry)?;
        let Some((file, path)) = missing.remove(&name) else {
            return Err(format!("{name:?} is there and not in its list, or twice"));
        };
        write(entry, file, &path).map_err(|reason| format!("{name}: {reason}"))?;
    }
    match missing.keys().next() {
        Some(name) => Err(format!("{name} is not there")),
        None => Ok(()),
    }
}

fn next<'a>(
    entries: &mut impl Iterator<Item = std::io::Result<Entry<'a, Reader>>>,
) -> Result<Option<Entry<'a, Reader>>, String> {
    let Some(entry) = entries.next() else {
        return Ok(None);
    };
    let entry = entry.map_err(|err| err.to_string())?;
    let kind = entry.header().entry_type();
    if kind != EntryType::Regular {
        return Err(format!("{:?} is no plain file ({kind:?})", name_of(&entry)?));
    }
    Ok(Some(entry))
}

fn name_of(entry: &Entry<'_, Reader>) -> Result<String, String> {
    let name = entry.path_bytes();
    String::from_utf8(name.into_owned()).map_err(|_| "a name is not UTF-8".to_owned())
}

fn read_index(entry: Entry<'_, Reader>) -> Result<Vec<OfferedModel>, String> {
    if name_of(&entry)? != INDEX {
        return Err(format!("it does not begin with {INDEX}"));
    }
    if INDEX_BYTES_MAX < entry.size() {
        return Err(format!("{INDEX} has more than {INDEX_BYTES_MAX} bytes"));
    }
    let mut bytes = Vec::new();
    entry.take(INDEX_BYTES_MAX).read_to_end(&mut bytes).map_err(|err| err.to_string())?;
    offers_of(&bytes).map_err(|reason| format!("{INDEX}: {reason}"))
}

fn write(entry: Entry<'_, Reader>, file: &StoredFile, path: &Path) -> Result<(), String> {
    if entry.size() != file.size {
        return Err(format!("it has {} bytes instead of {}", entry.size(), file.size));
    }
    let copy = File::create(path).map_err(|err| err.to_string())?;
    check_sum(Tee { reader: entry, copy }, file)
}
