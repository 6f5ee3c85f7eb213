//! Objects in a folder of this machine: the object `sub/b.txt` of the bucket
//! `docs` is the file `objects/docs/sub/b.txt`, and a file put there by hand is an object.
//!
//! Beside `objects` lie `tmp` (files in the making), `uploads` (parts of multipart
//! uploads) and `buckets` (who owns which bucket), all on one file system. A write
//! is one file, made durable and then moved to its place: readers see all or nothing.
//!
//! Start reading at [`FolderObjects::open`]; how keys become names is in `names.rs`,
//! and what may happen at the same time in `tree.rs`.

mod buckets;
mod error;
mod headers;
mod listing;
mod multipart;
mod names;
mod pages;
mod read;
mod temporary;
#[cfg(test)]
mod tests;
mod tree;
mod write;

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;

pub use self::buckets::BucketInfo;
pub use self::error::FolderError;
pub use self::headers::Headers;
pub use self::multipart::{CompletedPart, PartInfo, UploadInfo, UploadPage};
pub use self::pages::{Entry, EntryPage, EntryQuery};
pub use self::read::{Object, ObjectStream};
pub use self::tree::Condition;
pub use self::write::{FolderWriter, HeadersFrom, NewObject, Target, Written};

use self::error::failure;
use self::pages::Cursors;
use self::temporary::Temporary;
use self::tree::Shared;
use crate::{Access, ObjectInfo, ObjectWriter, Objects, ObjectsError, Page, PutOptions};

/// Where the objects lie and how they are kept.
#[derive(Clone, Debug)]
pub struct FolderSettings {
    /// The folder around `objects`, `tmp`, `uploads` and `buckets`; made if it is not there.
    pub data_dir: PathBuf,
    /// The account that owns buckets that were made by hand.
    pub default_account: String,
    /// What to do with an encryption key.
    pub kms: KmsPolicy,
}

/// What to do when a write names an encryption key, as this storage does not encrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KmsPolicy {
    /// Refuse the write.
    Refuse,
    /// Write the object unencrypted.
    Ignore,
}

/// Objects in a folder. Cheap to clone: all clones are one.
#[derive(Clone, Debug)]
pub struct FolderObjects {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    objects: PathBuf,
    tmp: PathBuf,
    uploads: PathBuf,
    owners: PathBuf,
    default_account: String,
    kms: KmsPolicy,
    keeps_attributes: bool,
    temporaries: AtomicU64,
    /// The buckets used so far.
    shared: Mutex<HashMap<String, Arc<Shared>>>,
    /// Held while a bucket is made or removed.
    bucket_change: Mutex<()>,
    /// Held while the parts of any upload are put in place or put together.
    upload_change: Mutex<()>,
    cursors: Mutex<Cursors>,
}

impl FolderObjects {
    /// Opens the storage, and clears away what earlier processes left unfinished:
    /// files in the making, and uploads begun more than a week before `now`.
    ///
    /// One process at a time may have a folder open. Blocks.
    ///
    /// # Errors
    ///
    /// [`ObjectsError::Storage`] if the folders cannot be made or written.
    pub fn open(settings: FolderSettings, now: SystemTime) -> Result<Self, ObjectsError> {
        let FolderSettings { data_dir, default_account, kms } = settings;
        let mut inner = Inner {
            objects: data_dir.join("objects"),
            tmp: data_dir.join("tmp"),
            uploads: data_dir.join("uploads"),
            owners: data_dir.join("buckets"),
            default_account,
            kms,
            keeps_attributes: false,
            temporaries: AtomicU64::new(0),
            shared: Mutex::default(),
            bucket_change: Mutex::default(),
            upload_change: Mutex::default(),
            cursors: Mutex::default(),
        };
        for folder in [&inner.objects, &inner.tmp, &inner.uploads, &inner.owners] {
            fs::create_dir_all(folder).map_err(failure)?;
        }
        temporary::clean(&inner.tmp)?;
        multipart::clean(&inner.uploads, now)?;
        inner.keeps_attributes = headers::are_kept(&inner.temporary()?.file)?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Whether the file system keeps what belongs to an object beside its content.
    ///
    /// Where it does not, ETags come from size and time, content types are not
    /// kept, and writes with other headers or user metadata are refused.
    pub fn keeps_metadata(&self) -> bool {
        self.inner.keeps_attributes
    }

    /// Runs `work` where it may block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, FolderError> + Send + 'static,
    ) -> Result<T, FolderError> {
        let inner = Arc::clone(&self.inner);
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        // A panic, or a runtime that shuts down.
        done.unwrap_or_else(|err| Err(FolderError::Objects(ObjectsError::Storage(Box::new(err)))))
    }
}

impl Inner {
    fn temporary(&self) -> Result<Temporary, FolderError> {
        let number = self.temporaries.fetch_add(1, Ordering::Relaxed);
        Temporary::create(self.tmp.join(format!("{number:x}")))
    }
}

/// Locks what no panic can leave half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Objects for FolderObjects {
    async fn list(
        &self,
        access: &Access,
        bucket: &str,
        prefix: &str,
        start_after: Option<&str>,
        keys_max: usize,
    ) -> Result<Page, ObjectsError> {
        let query = EntryQuery {
            prefix: prefix.to_owned(),
            delimiter: None,
            start_after: start_after.map(str::to_owned),
            entries_max: keys_max,
        };
        let EntryPage { entries, is_truncated } =
            self.list_entries(&access.account, bucket, query).await?;
        let objects = entries.into_iter().filter_map(Entry::into_object).collect();
        Ok(Page { objects, is_truncated })
    }

    async fn get(
        &self,
        access: &Access,
        bucket: &str,
        key: &str,
        etag: Option<&str>,
        size_bytes_max: u64,
    ) -> Result<Bytes, ObjectsError> {
        let etag = etag.map(str::to_owned);
        Ok(self.read_whole(&access.account, bucket, key, etag, size_bytes_max).await?)
    }

    async fn put(
        &self,
        access: &Access,
        bucket: &str,
        key: &str,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<(), ObjectsError> {
        let mut writer = self.begin_object(new_object(access, bucket, key, options)).await?;
        writer.write(body).await?;
        writer.finish(None).await?;
        Ok(())
    }

    async fn begin(
        &self,
        access: &Access,
        bucket: &str,
        key: &str,
        options: &PutOptions,
    ) -> Result<Box<dyn ObjectWriter>, ObjectsError> {
        Ok(Box::new(self.begin_object(new_object(access, bucket, key, options)).await?))
    }

    async fn delete(&self, access: &Access, bucket: &str, key: &str) -> Result<(), ObjectsError> {
        let keys = vec![key.to_owned()];
        self.delete_objects(&access.account, bucket, keys).await?.remove(0)?;
        Ok(())
    }
}

#[async_trait]
impl ObjectWriter for FolderWriter {
    async fn write(&mut self, piece: Bytes) -> Result<(), ObjectsError> {
        Ok(FolderWriter::write(self, piece).await?)
    }

    async fn finish(self: Box<Self>) -> Result<(), ObjectsError> {
        FolderWriter::finish(*self, None).await?;
        Ok(())
    }
}

fn new_object(access: &Access, bucket: &str, key: &str, options: &PutOptions) -> NewObject {
    let PutOptions { content_type, kms_key_id } = options.clone();
    NewObject {
        target: Target {
            account: access.account.clone(),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
        },
        headers: Headers { content_type, ..Headers::default() },
        kms_key_id,
        condition: Condition::None,
    }
}

impl Entry {
    fn into_object(self) -> Option<ObjectInfo> {
        match self {
            Self::Object(object) => Some(object),
            Self::CommonPrefix(_) => None,
        }
    }
}
