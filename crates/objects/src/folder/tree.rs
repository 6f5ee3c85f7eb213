//! One bucket's folders and files: finding, putting in place, taking away.
//!
//! Every step into a folder is one `openat` that follows no symbolic link, so
//! that nothing outside the bucket is ever reached. Everything here blocks.
//!
//! Two kinds of change meet here. Putting a file into a folder that is there, or
//! taking one out, needs the *structure* to stand still: a shared lock. Making and
//! removing folders, and an object making room for a folder of its own name,
//! change the structure: an exclusive lock. Readers take no lock; where a change
//! of the structure could have hidden an object from them, they look again under one.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::error::{FolderError, failure_in};
use super::names::{ObjectPath, beside};
use crate::ObjectsError;

const FOLDER: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Opens a file for reading; what is not a regular file neither blocks nor does anything.
const OBJECT: OFlags =
    OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

const FOLDER_MODE: Mode = Mode::from_raw_mode(0o777);

/// What all who use a bucket share.
#[derive(Debug)]
pub(super) struct Shared {
    /// The account that owns the bucket.
    pub(super) owner: String,
    structure: RwLock<()>,
    /// Odd while an object changes between its two names.
    renames: AtomicU64,
}

impl Shared {
    pub(super) fn new(owner: String) -> Self {
        Self { owner, structure: RwLock::new(()), renames: AtomicU64::new(0) }
    }

    pub(super) fn stand_still(&self) -> RwLockReadGuard<'_, ()> {
        // The lock guards nothing in memory, so there is nothing that a panic could have spoiled.
        self.structure.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self) -> RwLockWriteGuard<'_, ()> {
        self.structure.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that stays the same while no object changes its name.
    pub(super) fn renames(&self) -> u64 {
        self.renames.load(Ordering::SeqCst)
    }
}

/// An open bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) name: String,
    pub(super) folder: OwnedFd,
    pub(super) shared: Arc<Shared>,
}

/// An open object.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) file: File,
    pub(super) stat: Stat,
}

/// What must be true of an object for a write to happen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    #[default]
    None,
    /// There is no such object.
    IsNew,
    /// There is one, with this ETag, or with any.
    IsThere(Option<String>),
}

/// How to read the ETag of what a condition is about.
pub(super) type EtagOf = fn(&Found) -> String;

impl Bucket {
    /// Opens an object, if there is one.
    pub(super) fn find(&self, path: &ObjectPath) -> Result<Option<Found>, FolderError> {
        if let Some(found) = self.look(path)? {
            return Ok(Some(found));
        }
        // It may have changed its name between the two looks.
        let _still = self.shared.stand_still();
        self.look(path)
    }

    /// Opens the folder below others, if there is one.
    pub(super) fn folder(&self, names: &[String]) -> Result<Option<OwnedFd>, FolderError> {
        let mut folder = open_folder(&self.folder, ".").map_err(|err| self.failure(err))?;
        for name in names {
            match open_folder(&folder, name.as_str()) {
                Ok(next) => folder = next,
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
                Err(err) => return Err(self.failure(err)),
            }
        }
        Ok(Some(folder))
    }

    /// Gives a finished file its place. It is durable when this returns.
    pub(super) fn place(
        &self,
        file: &Path,
        path: &ObjectPath,
        condition: &Condition,
        etag_of: EtagOf,
    ) -> Result<(), FolderError> {
        if *condition == Condition::None
            && let Some(folder) = self.folder(&path.folders)?
        {
            let still = self.shared.stand_still();
            let placed = place_in(&folder, file, &path.name);
            drop(still);
            match placed {
                Ok(()) => return self.sync(&folder),
                // The last object was just taken out of the folder, and the folder with it.
                Err(Errno::NOENT) => (),
                Err(err) => return Err(self.failure(err)),
            }
        }
        let change = self.shared.change();
        self.check(path, condition, etag_of)?;
        let (folder, above) = self.make_folders(&path.folders)?;
        place_in(&folder, file, &path.name).map_err(|err| self.failure(err))?;
        drop(change);
        self.sync(&folder)?;
        above.iter().try_for_each(|folder| self.sync(folder))
    }

    /// Takes objects out of one folder, and the folder too if it is empty then.
    pub(super) fn remove(&self, folders: &[String], names: &[&str]) -> Result<(), FolderError> {
        let Some(folder) = self.folder(folders)? else {
            return Ok(());
        };
        {
            let _still = self.shared.stand_still();
            for name in names {
                // A crash may have left both, and the plain one counts: it goes last.
                for name in [&beside(name), *name] {
                    match rustix::fs::unlinkat(&folder, name, AtFlags::empty()) {
                        Ok(()) | Err(Errno::NOENT | Errno::ISDIR) => (),
                        Err(err) => return Err(self.failure(err)),
                    }
                }
            }
        }
        self.sync(&folder)?;
        drop(folder);
        self.remove_empty(folders)
    }

    /// Takes an object away if it fulfills a condition.
    pub(super) fn remove_if(
        &self,
        path: &ObjectPath,
        condition: &Condition,
        etag_of: EtagOf,
    ) -> Result<(), FolderError> {
        {
            let _change = self.shared.change();
            self.check(path, condition, etag_of)?;
            let Some(folder) = self.folder(&path.folders)? else {
                return Ok(());
            };
            for name in [&beside(&path.name), &path.name] {
                match rustix::fs::unlinkat(&folder, name, AtFlags::empty()) {
                    Ok(()) | Err(Errno::NOENT | Errno::ISDIR) => (),
                    Err(err) => return Err(self.failure(err)),
                }
            }
            self.sync(&folder)?;
        }
        self.remove_empty(&path.folders)
    }

    pub(super) fn failure(&self, err: impl Into<std::io::Error>) -> FolderError {
        failure_in(&self.name, err)
    }

    fn look(&self, path: &ObjectPath) -> Result<Option<Found>, FolderError> {
        let Some(folder) = self.folder(&path.folders)? else {
            return Ok(None);
        };
        for name in [&path.name, &beside(&path.name)] {
            if let Some(found) = open_object(&folder, name).map_err(|err| self.failure(err))? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn check(
        &self,
        path: &ObjectPath,
        condition: &Condition,
        etag_of: EtagOf,
    ) -> Result<(), FolderError> {
        let holds = match condition {
            Condition::None => true,
            Condition::IsNew => self.look(path)?.is_none(),
            Condition::IsThere(etag) => self
                .look(path)?
                .is_some_and(|found| etag.as_ref().is_none_or(|etag| *etag == etag_of(&found))),
        };
        if holds { Ok(()) } else { Err(FolderError::Precondition) }
    }

    /// Opens the folder below others, and makes those that are not there. Also
    /// gives the folders in which one was made. The structure must be locked.
    fn make_folders(&self, names: &[String]) -> Result<(OwnedFd, Vec<OwnedFd>), FolderError> {
        let mut folder = open_folder(&self.folder, ".").map_err(|err| self.failure(err))?;
        let mut above = Vec::new();
        for name in names {
            let name = name.as_str();
            match open_folder(&folder, name) {
                Ok(next) => {
                    folder = next;
                    continue;
                }
                Err(Errno::NOENT) => (),
                Err(Errno::NOTDIR | Errno::LOOP) => self.make_room(&folder, name)?,
                Err(err) => return Err(self.failure(err)),
            }
            let next = rustix::fs::mkdirat(&folder, name, FOLDER_MODE)
                .and_then(|()| open_folder(&folder, name))
                .map_err(|err| self.failure(err))?;
            above.push(std::mem::replace(&mut folder, next));
        }
        Ok((folder, above))
    }

    /// Moves an object aside, where a folder of its name is needed.
    fn make_room(&self, folder: &OwnedFd, name: &str) -> Result<(), FolderError> {
        let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|err| self.failure(err))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(FolderError::Objects(ObjectsError::InvalidKey(
                "something that is neither a file nor a folder is in its way",
            )));
        }
        self.rename_object(folder, name, &beside(name))
    }

    /// Removes a folder, and those around it, as far as they are empty.
    fn remove_empty(&self, folders: &[String]) -> Result<(), FolderError> {
        for depth in (0..folders.len()).rev() {
            let _change = self.shared.change();
            let name = folders[depth].as_str();
            let Some(around) = self.folder(&folders[..depth])? else {
                continue;
            };
            match rustix::fs::unlinkat(&around, name, AtFlags::REMOVEDIR) {
                Ok(()) => (),
                Err(Errno::NOENT) => continue,
                Err(_not_empty) => return Ok(()),
            }
            // The object beside it gets its own name back.
            if self.rename_object(&around, &beside(name), name).is_ok() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn rename_object(&self, folder: &OwnedFd, from: &str, to: &str) -> Result<(), FolderError> {
        self.shared.renames.fetch_add(1, Ordering::SeqCst);
        let renamed = rustix::fs::renameat(folder, from, folder, to);
        self.shared.renames.fetch_add(1, Ordering::SeqCst);
        renamed.map_err(|err| self.failure(err))
    }

    fn sync(&self, folder: &OwnedFd) -> Result<(), FolderError> {
        rustix::fs::fsync(folder).map_err(|err| self.failure(err))
    }
}

/// Opens a folder inside another, or nothing that a link leads to.
pub(super) fn open_folder(around: impl AsFd, name: &str) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(around, name, FOLDER, Mode::empty())
}

/// Opens a folder by its path, whose last name is not a link.
pub(super) fn open_folder_at(path: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(CWD, path, FOLDER, Mode::empty())
}

/// Opens a regular file in a folder, if there is one of this name.
pub(super) fn open_object(folder: &OwnedFd, name: &str) -> Result<Option<Found>, Errno> {
    let file = match rustix::fs::openat(folder, name, OBJECT, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(None),
        Err(err) => return Err(err),
    };
    let stat = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(None);
    }
    Ok(Some(Found { file: File::from(file), stat }))
}

/// Moves a file into a folder, beside the folder that has taken its name if there is one.
fn place_in(folder: &OwnedFd, file: &Path, name: &str) -> Result<(), Errno> {
    match rustix::fs::renameat(CWD, file, folder, name) {
        Err(Errno::ISDIR | Errno::EXIST | Errno::NOTEMPTY) => {
            rustix::fs::renameat(CWD, file, folder, beside(name))
        }
        placed => placed,
    }
}
