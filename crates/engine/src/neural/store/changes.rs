//! Changing the folder of models: one command at a time, and each change in one
//! step, so that a crash at any moment leaves the old model or the new one.
//!
//! A model is gathered in `.en-es.part`, which nobody takes for a model; what is
//! in it stays for the next attempt. The step itself swaps the names of two
//! folders. Where the file system cannot, there are two steps, and whoever comes
//! next finishes what a crash in between left.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use domain::language::LanguagePair;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::ModelStoreError;
use crate::neural::metadata::{METADATA, Metadata, folder_of_pair, pair_of_folder};

const LOCK: &str = ".lock";
const GATHERED: &str = ".part";
const OLD: &str = ".old";
const REMOVED: &str = ".removed";

/// The right to change a folder of models, until it is dropped.
#[derive(Debug)]
pub(super) struct Changes {
    folder: PathBuf,
    // The lock goes when the file is closed, also in a crash.
    _lock: File,
}

impl Changes {
    /// Makes the folder if there is none, locks it, and finishes what a crash left.
    pub(super) fn begin(folder: &Path) -> Result<Self, ModelStoreError> {
        fs::create_dir_all(folder).map_err(ModelStoreError::file(folder))?;
        let path = folder.join(LOCK);
        let lock = File::options().create(true).truncate(false).write(true).open(&path);
        let lock = lock.map_err(ModelStoreError::file(&path))?;
        match lock.try_lock() {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => {
                return Err(ModelStoreError::Busy { folder: folder.display().to_string() });
            }
            Err(TryLockError::Error(err)) => return Err(ModelStoreError::file(&path)(err)),
        }
        let changes = Self { folder: folder.to_owned(), _lock: lock };
        changes.recover()?;
        Ok(changes)
    }

    fn recover(&self) -> Result<(), ModelStoreError> {
        let failed = || ModelStoreError::file(&self.folder);
        for entry in fs::read_dir(&self.folder).map_err(failed())? {
            let entry = entry.map_err(failed())?;
            let name = entry.file_name();
            let Some((pair, ending)) = name.to_str().and_then(pair_of_hidden) else { continue };
            let current = self.current(pair);
            match ending {
                // It was on its way out when its successor was on its way in.
                OLD if current.symlink_metadata().is_err() => {
                    fs::rename(entry.path(), &current)
                        .map_err(ModelStoreError::file(&entry.path()))?;
                }
                OLD | REMOVED => delete(&entry.path())?,
                _ => (),
            }
        }
        Ok(())
    }

    fn current(&self, pair: LanguagePair) -> PathBuf {
        self.folder.join(folder_of_pair(pair))
    }

    fn hidden(&self, pair: LanguagePair, ending: &str) -> PathBuf {
        self.folder.join(format!(".{}{ending}", folder_of_pair(pair)))
    }

    /// The folder to gather a model in, with what an earlier attempt left there.
    pub(super) fn gather(&self, pair: LanguagePair) -> Result<PathBuf, ModelStoreError> {
        let folder = self.hidden(pair, GATHERED);
        match fs::create_dir(&folder) {
            Err(err) if err.kind() == ErrorKind::AlreadyExists => (),
            made => made.map_err(ModelStoreError::file(&folder))?,
        }
        Ok(folder)
    }

    /// Forgets what was gathered.
    pub(super) fn discard(&self, pair: LanguagePair) {
        // What cannot be deleted is in the way of nobody but the next attempt,
        // which looks at each file before it uses it.
        let _kept = delete(&self.hidden(pair, GATHERED));
    }

    /// Writes the metadata beside the gathered files, drops all that it does not
    /// name, and waits until everything is on the disk.
    pub(super) fn seal(
        &self,
        pair: LanguagePair,
        metadata: &Metadata,
    ) -> Result<PathBuf, ModelStoreError> {
        let folder = self.gather(pair)?;
        let named: BTreeSet<&str> = metadata.files.keys().map(String::as_str).collect();
        for entry in fs::read_dir(&folder).map_err(ModelStoreError::file(&folder))? {
            let entry = entry.map_err(ModelStoreError::file(&folder))?;
            if entry.file_name().to_str().is_none_or(|name| !named.contains(name)) {
                delete(&entry.path())?;
            }
        }
        for name in named {
            let path = folder.join(name);
            let synced = File::open(&path).and_then(|file| file.sync_all());
            synced.map_err(ModelStoreError::file(&path))?;
        }
        let path = folder.join(METADATA);
        write_synced(&path, metadata.to_text().as_bytes()).map_err(ModelStoreError::file(&path))?;
        sync_folder(&folder)?;
        Ok(folder)
    }

    /// Puts what was gathered and sealed in the place of the pair's model.
    pub(super) fn install(&self, pair: LanguagePair) -> Result<(), ModelStoreError> {
        let (new, current) = (self.hidden(pair, GATHERED), self.current(pair));
        let failed = || ModelStoreError::file(&current);
        if current.symlink_metadata().is_err() {
            fs::rename(&new, &current).map_err(failed())?;
            return sync_folder(&self.folder);
        }
        match renameat_with(CWD, &new, CWD, &current, RenameFlags::EXCHANGE) {
            Ok(()) => {
                sync_folder(&self.folder)?;
                delete(&new)
            }
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => self.install_in_two_steps(pair),
            Err(err) => Err(failed()(err.into())),
        }
    }

    pub(super) fn install_in_two_steps(&self, pair: LanguagePair) -> Result<(), ModelStoreError> {
        let (new, current) = (self.hidden(pair, GATHERED), self.current(pair));
        let old = self.hidden(pair, OLD);
        let failed = || ModelStoreError::file(&current);
        fs::rename(&current, &old).map_err(failed())?;
        fs::rename(&new, &current).map_err(failed())?;
        sync_folder(&self.folder)?;
        delete(&old)
    }

    /// Takes the pair's model away.
    pub(super) fn remove(&self, pair: LanguagePair) -> Result<(), ModelStoreError> {
        let (current, removed) = (self.current(pair), self.hidden(pair, REMOVED));
        fs::rename(&current, &removed).map_err(ModelStoreError::file(&current))?;
        sync_folder(&self.folder)?;
        delete(&removed)
    }
}

fn pair_of_hidden(name: &str) -> Option<(LanguagePair, &str)> {
    let (pair, ending) = name.strip_prefix('.')?.rsplit_once('.')?;
    Some((pair_of_folder(pair)?, &name[1 + pair.len()..])).filter(|_| !ending.is_empty())
}

/// Deletes a folder with what is in it, a file, or a link but not what it leads to.
pub(super) fn delete(path: &Path) -> Result<(), ModelStoreError> {
    let deleted = match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(err) => Err(err),
    };
    match deleted {
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(()),
        deleted => deleted.map_err(ModelStoreError::file(path)),
    }
}

pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Waits until the names in a folder are on the disk.
pub(super) fn sync_folder(folder: &Path) -> Result<(), ModelStoreError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(ModelStoreError::file(folder))
}
