//! Buckets: the folders in `objects`, and who owns them.
//!
//! The owner is the content of the file `buckets/<bucket>`; a bucket without one
//! was made by hand and belongs to the default account. Names are taken on the
//! whole node: two accounts cannot both have a bucket `docs`.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use domain::location::is_bucket_name;
use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use super::error::{FolderError, failure, failure_in};
use super::tree::{Bucket, Shared, open_folder, open_folder_at};
use super::{FolderObjects, Inner, lock};
use crate::ObjectsError;

/// What a listing says of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketInfo {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: SystemTime,
}

impl FolderObjects {
    /// Makes a bucket that belongs to `account`.
    ///
    /// # Errors
    ///
    /// [`FolderError::InvalidBucketName`], [`FolderError::BucketOwned`], [`FolderError::BucketTaken`].
    pub async fn create_bucket(&self, account: &str, bucket: &str) -> Result<(), FolderError> {
        let (account, bucket) = (account.to_owned(), bucket.to_owned());
        self.blocking(move |inner| inner.create_bucket(&account, bucket)).await
    }

    /// Removes a bucket that has no objects.
    ///
    /// # Errors
    ///
    /// [`FolderError::BucketNotEmpty`]; those of [`FolderObjects::check_bucket`].
    pub async fn delete_bucket(&self, account: &str, bucket: &str) -> Result<(), FolderError> {
        let (account, bucket) = (account.to_owned(), bucket.to_owned());
        self.blocking(move |inner| inner.delete_bucket(&account, &bucket)).await
    }

    /// Finds out whether a bucket is there for this account.
    ///
    /// # Errors
    ///
    /// [`ObjectsError::NoSuchBucket`], [`ObjectsError::AccessDenied`].
    pub async fn check_bucket(&self, account: &str, bucket: &str) -> Result<(), FolderError> {
        let (account, bucket) = (account.to_owned(), bucket.to_owned());
        self.blocking(move |inner| inner.bucket(&account, &bucket).map(drop)).await
    }

    /// The buckets of an account, by name.
    pub async fn list_buckets(&self, account: &str) -> Result<Vec<BucketInfo>, FolderError> {
        let account = account.to_owned();
        self.blocking(move |inner| inner.list_buckets(&account)).await
    }
}

impl Inner {
    /// Opens a bucket for an account.
    pub(super) fn bucket(&self, account: &str, name: &str) -> Result<Bucket, FolderError> {
        let none = || FolderError::Objects(ObjectsError::NoSuchBucket(name.to_owned()));
        if !is_bucket_name(name) {
            return Err(none());
        }
        let folder = match open_folder_at(&self.objects.join(name)) {
            Ok(folder) => folder,
            Err(Errno::NOENT) if !self.objects.is_dir() => {
                return Err(failure(io::Error::other("the objects folder is gone")));
            }
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Err(none()),
            Err(err) => return Err(failure_in(name, err)),
        };
        let shared = self.shared(name)?;
        if shared.owner != account {
            return Err(FolderError::Objects(ObjectsError::AccessDenied(name.to_owned())));
        }
        Ok(Bucket { name: name.to_owned(), folder, shared })
    }

    fn shared(&self, name: &str) -> Result<Arc<Shared>, FolderError> {
        // The owner is read under the lock, so that it is read once and all share one state.
        let mut buckets = lock(&self.shared);
        if let Some(shared) = buckets.get(name) {
            return Ok(Arc::clone(shared));
        }
        let shared = Arc::new(Shared::new(self.owner(name)?));
        buckets.insert(name.to_owned(), Arc::clone(&shared));
        Ok(shared)
    }

    fn owner(&self, bucket: &str) -> Result<String, FolderError> {
        match fs::read_to_string(self.owner_file(bucket)) {
            Ok(owner) => Ok(owner.trim().to_owned()),
            Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(self.default_account.clone()),
            Err(err) => Err(failure(err)),
        }
    }

    fn owner_file(&self, bucket: &str) -> PathBuf {
        self.owners.join(bucket)
    }

    fn create_bucket(&self, account: &str, name: String) -> Result<(), FolderError> {
        // Dots beside each other are refused for new buckets, as by S3 itself.
        if !is_bucket_name(&name) || name.contains("..") {
            return Err(FolderError::InvalidBucketName);
        }
        let _change = lock(&self.bucket_change);
        let folder = self.objects.join(&name);
        if fs::symlink_metadata(&folder).is_ok() {
            return Err(if self.owner(&name)? == account {
                FolderError::BucketOwned(name)
            } else {
                FolderError::BucketTaken(name)
            });
        }
        // First the owner: a bucket must never be seen without one.
        let mut file = self.temporary()?;
        file.append(account.as_bytes())?;
        file.sync()?;
        fs::rename(&file.path, self.owner_file(&name)).map_err(failure)?;
        sync_folder(&self.owners)?;
        lock(&self.shared).remove(&name);
        fs::create_dir(&folder).map_err(failure)?;
        sync_folder(&self.objects)
    }

    fn delete_bucket(&self, account: &str, name: &str) -> Result<(), FolderError> {
        let _buckets = lock(&self.bucket_change);
        let bucket = self.bucket(account, name)?;
        let _change = bucket.shared.change();
        // What is left of folders must not keep the bucket from going.
        if !remove_empty_folders(&bucket.folder).map_err(|err| bucket.failure(err))? {
            return Err(FolderError::BucketNotEmpty(name.to_owned()));
        }
        match fs::remove_dir(self.objects.join(name)) {
            Ok(()) => (),
            Err(err) if err.kind() == io::ErrorKind::DirectoryNotEmpty => {
                return Err(FolderError::BucketNotEmpty(name.to_owned()));
            }
            Err(err) => return Err(bucket.failure(err)),
        }
        lock(&self.shared).remove(name);
        sync_folder(&self.objects)?;
        match fs::remove_file(self.owner_file(name)) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => Err(failure(err)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn list_buckets(&self, account: &str) -> Result<Vec<BucketInfo>, FolderError> {
        let mut buckets = Vec::new();
        for entry in fs::read_dir(&self.objects).map_err(failure)? {
            let entry = entry.map_err(failure)?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let is_folder = entry.file_type().map_err(failure)?.is_dir();
            if !is_folder || !is_bucket_name(&name) || self.shared(&name)?.owner != account {
                continue;
            }
            let created = fs::metadata(self.owner_file(&name))
                .or_else(|_made_by_hand| entry.metadata())
                .and_then(|metadata| metadata.modified())
                .map_err(failure)?;
            buckets.push(BucketInfo { name, created });
        }
        buckets.sort_unstable_by(|left, right| left.name.cmp(&right.name));
        Ok(buckets)
    }
}

/// Whether a folder is empty after all empty folders in it were removed.
fn remove_empty_folders(folder: &OwnedFd) -> Result<bool, Errno> {
    let mut names: HashMap<Vec<u8>, FileType> = HashMap::new();
    for entry in rustix::fs::Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            if entry.file_type() == FileType::RegularFile {
                return Ok(false);
            }
            names.insert(name.to_vec(), entry.file_type());
        }
    }
    for (name, kind) in names {
        let Ok(name) = String::from_utf8(name) else {
            return Ok(false);
        };
        if kind != FileType::Directory || !remove_empty_folders(&open_folder(folder, &name)?)? {
            return Ok(false);
        }
        rustix::fs::unlinkat(folder, name.as_str(), AtFlags::REMOVEDIR)?;
    }
    Ok(true)
}

/// Makes what was put into or taken out of a folder durable.
pub(super) fn sync_folder(path: &std::path::Path) -> Result<(), FolderError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(failure)
}
