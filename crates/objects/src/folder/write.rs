//! Writing objects: piece by piece, by copying, and away again.

use std::collections::BTreeMap;
use std::time::SystemTime;

use bytes::Bytes;

use super::error::{FolderError, failure};
use super::headers::{Headers, Kept};
use super::multipart::PartTarget;
use super::names::ObjectPath;
use super::temporary::Temporary;
use super::tree::{Condition, Found};
use super::{FolderObjects, Inner, KmsPolicy};
use crate::ObjectsError;

/// The largest object or part that is sent at once.
pub(super) const PUT_BYTES_MAX: u64 = 5 << 30;

/// What is gathered in memory before a thread writes it. A smaller object is
/// written by one visit to such a thread.
const GATHERED_BYTES_MAX: usize = 512 << 10;

/// An object's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// On whose behalf.
    pub account: String,
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
}

/// An object to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewObject {
    /// Where.
    pub target: Target,
    /// What is kept with it.
    pub headers: Headers,
    /// The key that should encrypt it.
    pub kms_key_id: Option<String>,
    /// What must be true for it to appear.
    pub condition: Condition,
}

/// An object or part that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Its ETag.
    pub etag: String,
    /// Its size.
    pub size_bytes: u64,
    /// When it was written.
    pub modified: SystemTime,
}

/// Where the headers of a copy come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadersFrom {
    /// The object that is copied.
    Source,
    /// The caller.
    Caller,
}

/// An object or part in the making. Dropped unfinished, it leaves nothing behind.
#[derive(Debug)]
pub struct FolderWriter {
    objects: FolderObjects,
    destination: Destination,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
    size_bytes: u64,
    file: Option<Temporary>,
}

#[derive(Debug)]
pub(super) enum Destination {
    Object(NewObject),
    Part(PartTarget),
}

impl FolderObjects {
    /// Begins an object that appears under its key when it is finished.
    ///
    /// # Errors
    ///
    /// Those of [`FolderObjects::check_bucket`]; [`ObjectsError::InvalidKey`],
    /// [`ObjectsError::KeyRefused`], [`FolderError::MetadataTooLarge`],
    /// [`FolderError::MetadataRefused`].
    pub async fn begin_object(&self, object: NewObject) -> Result<FolderWriter, FolderError> {
        self.inner.check_new(&object)?;
        let Target { account, bucket, .. } = object.target.clone();
        self.check_bucket(&account, &bucket).await?;
        Ok(self.writer(Destination::Object(object)))
    }

    /// Copies an object, which may be onto itself, in one step.
    ///
    /// `check` looks at the source and may refuse it.
    ///
    /// # Errors
    ///
    /// Those of [`FolderObjects::open_object`] and [`FolderObjects::begin_object`].
    pub async fn copy_object(
        &self,
        source: super::Object,
        mut object: NewObject,
        headers_from: HeadersFrom,
    ) -> Result<Written, FolderError> {
        if headers_from == HeadersFrom::Source {
            object.headers.clone_from(&source.headers);
        }
        self.blocking(move |inner| {
            inner.check_new(&object)?;
            let mut file = inner.temporary()?;
            file.append_range(&source.file, 0, source.size_bytes)?;
            inner.finish_object(&file, &object, hex::encode(file.md5()))
        })
        .await
    }

    /// Removes objects, and says of each whether it is gone; one that was not there is.
    ///
    /// # Errors
    ///
    /// Those of [`FolderObjects::check_bucket`].
    pub async fn delete_objects(
        &self,
        account: &str,
        bucket: &str,
        keys: Vec<String>,
    ) -> Result<Vec<Result<(), FolderError>>, FolderError> {
        let (account, bucket) = (account.to_owned(), bucket.to_owned());
        self.blocking(move |inner| inner.delete_objects(&account, &bucket, &keys)).await
    }

    /// Removes an object if it fulfills a condition.
    ///
    /// # Errors
    ///
    /// [`FolderError::Precondition`]; those of [`FolderObjects::check_bucket`].
    pub async fn delete_object_if(
        &self,
        target: Target,
        condition: Condition,
    ) -> Result<(), FolderError> {
        self.blocking(move |inner| {
            let Target { account, bucket, key } = target;
            let bucket = inner.bucket(&account, &bucket)?;
            let path = path_of(&key)?;
            bucket.remove_if(&path, &condition, etag_of)
        })
        .await
    }

    pub(super) fn writer(&self, destination: Destination) -> FolderWriter {
        FolderWriter {
            objects: self.clone(),
            destination,
            gathered: Vec::new(),
            gathered_bytes: 0,
            size_bytes: 0,
            file: None,
        }
    }
}

impl FolderWriter {
    /// Appends a piece of any size.
    ///
    /// # Errors
    ///
    /// [`FolderError::TooLarge`], [`ObjectsError::Full`].
    pub async fn write(&mut self, piece: Bytes) -> Result<(), FolderError> {
        self.size_bytes += piece.len() as u64;
        if PUT_BYTES_MAX < self.size_bytes {
            return Err(FolderError::TooLarge(PUT_BYTES_MAX));
        }
        self.gathered_bytes += piece.len();
        self.gathered.push(piece);
        if self.gathered_bytes <= GATHERED_BYTES_MAX {
            return Ok(());
        }
        let gathered = std::mem::take(&mut self.gathered);
        self.gathered_bytes = 0;
        let file = self.file.take();
        let file = self.objects.blocking(move |inner| inner.append(file, &gathered)).await?;
        self.file = Some(file);
        Ok(())
    }

    /// Makes the object or part appear, if its content has this MD5.
    ///
    /// # Errors
    ///
    /// [`FolderError::BadDigest`], [`FolderError::Precondition`], [`ObjectsError::Full`].
    pub async fn finish(self, md5: Option<[u8; 16]>) -> Result<Written, FolderError> {
        let Self { objects, destination, gathered, gathered_bytes: _, size_bytes: _, file } = self;
        objects
            .blocking(move |inner| {
                let file = inner.append(file, &gathered)?;
                let own_md5 = file.md5();
                if md5.is_some_and(|md5| md5 != own_md5) {
                    return Err(FolderError::BadDigest);
                }
                match destination {
                    Destination::Object(object) => {
                        inner.finish_object(&file, &object, hex::encode(own_md5))
                    }
                    Destination::Part(part) => inner.finish_part(&file, &part),
                }
            })
            .await
    }
}

impl Inner {
    /// Refuses what need not be written first to be refused.
    pub(super) fn check_new(&self, object: &NewObject) -> Result<(), FolderError> {
        path_of(&object.target.key)?;
        object.headers.check()?;
        if !self.keeps_attributes && object.headers.need_attribute() {
            return Err(FolderError::MetadataRefused);
        }
        match (self.kms, &object.kms_key_id) {
            (KmsPolicy::Refuse, Some(_)) => Err(FolderError::Objects(ObjectsError::KeyRefused(
                "the objects folder does not encrypt; the setting objects.kms = \"ignore\" \
                     writes such objects unencrypted"
                    .to_owned(),
            ))),
            (KmsPolicy::Refuse, None) | (KmsPolicy::Ignore, _) => Ok(()),
        }
    }

    fn append(&self, file: Option<Temporary>, pieces: &[Bytes]) -> Result<Temporary, FolderError> {
        let mut file = match file {
            Some(file) => file,
            None => self.temporary()?,
        };
        pieces.iter().try_for_each(|piece| file.append(piece))?;
        Ok(file)
    }

    /// Puts a file whose content stands under its key.
    pub(super) fn finish_object(
        &self,
        file: &Temporary,
        object: &NewObject,
        etag: String,
    ) -> Result<Written, FolderError> {
        let NewObject { target, headers, kms_key_id: _, condition } = object;
        let path = path_of(&target.key)?;
        let kept = Kept { etag, headers: headers.clone() };
        if self.keeps_attributes {
            kept.write(&file.file)?;
        }
        let stat = rustix::fs::fstat(&file.file).map_err(failure)?;
        file.sync()?;
        let bucket = self.bucket(&target.account, &target.bucket)?;
        bucket.place(&file.path, &path, condition, etag_of)?;
        let etag = if self.keeps_attributes { kept.etag } else { Kept::derived(&stat).etag };
        Ok(Written { etag, size_bytes: file.size_bytes, modified: super::read::modified(&stat) })
    }

    fn delete_objects(
        &self,
        account: &str,
        bucket: &str,
        keys: &[String],
    ) -> Result<Vec<Result<(), FolderError>>, FolderError> {
        let bucket = self.bucket(account, bucket)?;
        // One visit to each folder.
        let mut folders: BTreeMap<Vec<String>, Vec<(usize, String)>> = BTreeMap::new();
        for (index, key) in keys.iter().enumerate() {
            // A key that cannot be written is not there.
            if let Ok(ObjectPath { folders: inside, name }) = ObjectPath::of(key) {
                folders.entry(inside).or_default().push((index, name));
            }
        }
        let mut outcomes: Vec<Result<(), FolderError>> = keys.iter().map(|_| Ok(())).collect();
        for (folder, objects) in folders {
            let names: Vec<&str> = objects.iter().map(|(_, name)| name.as_str()).collect();
            if bucket.remove(&folder, &names).is_err() {
                // Each alone, to say which.
                for (index, name) in &objects {
                    outcomes[*index] = bucket.remove(&folder, &[name]);
                }
            }
        }
        Ok(outcomes)
    }
}

/// The ETag of an object, for conditions.
pub(super) fn etag_of(found: &Found) -> String {
    Kept::read(&found.file, &found.stat).etag
}

fn path_of(key: &str) -> Result<ObjectPath, FolderError> {
    ObjectPath::of(key).map_err(|why| FolderError::Objects(ObjectsError::InvalidKey(why)))
}
