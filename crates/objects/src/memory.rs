//! Objects in memory, for tests and for work that leaves nothing behind.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use md5::{Digest, Md5};

use crate::{Access, ObjectInfo, ObjectWriter, Objects, ObjectsError, Page, PutOptions};

/// Objects in memory. Cheap to clone: all clones are one.
///
/// There is no clock: the n-th write happened n seconds after 1970 began.
#[derive(Clone, Debug, Default)]
pub struct MemoryObjects {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    buckets: HashMap<String, Bucket>,
    writes: u64,
}

#[derive(Debug)]
struct Bucket {
    account: String,
    objects: BTreeMap<String, Object>,
}

#[derive(Debug)]
struct Object {
    body: Bytes,
    content_type: Option<String>,
    etag: String,
    modified: SystemTime,
}

impl MemoryObjects {
    /// No buckets.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a bucket, if there is none of this name.
    pub fn create_bucket(&self, account: &str, bucket: &str) {
        self.state()
            .buckets
            .entry(bucket.to_owned())
            .or_insert_with(|| Bucket { account: account.to_owned(), objects: BTreeMap::new() });
    }

    /// The content type that an object was written with.
    pub fn content_type(&self, bucket: &str, key: &str) -> Option<String> {
        self.state().buckets.get(bucket)?.objects.get(key)?.content_type.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is left half-changed by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(
        &self,
        access: &Access,
        bucket: &str,
        key: &str,
        body: Bytes,
        content_type: Option<String>,
    ) -> Result<(), ObjectsError> {
        let mut state = self.state();
        state.writes += 1;
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(state.writes);
        let etag = hex::encode(Md5::digest(&body));
        let objects = &mut state.bucket(access, bucket)?.objects;
        objects.insert(key.to_owned(), Object { body, content_type, etag, modified });
        Ok(())
    }
}

impl State {
    fn bucket(&mut self, access: &Access, name: &str) -> Result<&mut Bucket, ObjectsError> {
        match self.buckets.get_mut(name) {
            None => Err(ObjectsError::NoSuchBucket(name.to_owned())),
            Some(bucket) if bucket.account != access.account => {
                Err(ObjectsError::AccessDenied(name.to_owned()))
            }
            Some(bucket) => Ok(bucket),
        }
    }
}

#[async_trait]
impl Objects for MemoryObjects {
    async fn list(
        &self,
        access: &Access,
        bucket: &str,
        prefix: &str,
        start_after: Option<&str>,
        keys_max: usize,
    ) -> Result<Page, ObjectsError> {
        let mut state = self.state();
        let objects = &state.bucket(access, bucket)?.objects;
        let start = match start_after {
            Some(after) if prefix <= after => Bound::Excluded(after),
            Some(_) | None => Bound::Included(prefix),
        };
        let mut rest = objects
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix));
        let page = rest.by_ref().take(keys_max).map(|(key, object)| ObjectInfo {
            key: key.clone(),
            size_bytes: object.body.len() as u64,
            etag: object.etag.clone(),
            modified: object.modified,
        });
        let objects = page.collect();
        Ok(Page { objects, is_truncated: rest.next().is_some() })
    }

    async fn get(
        &self,
        access: &Access,
        bucket: &str,
        key: &str,
        etag: Option<&str>,
        size_bytes_max: u64,
    ) -> Result<Bytes, ObjectsError> {
        let mut state = self.state();
        let object = state.bucket(access, bucket)?.objects.get(key);
        let object = object.ok_or_else(|| ObjectsError::NoSuchKey(key.to_owned()))?;
        if etag.is_some_and(|etag| etag != object.etag) {
            return Err(ObjectsError::Changed(key.to_owned()));
        }
        if size_bytes_max < object.body.len() as u64 {
            return Err(ObjectsError::TooLarge { key: key.to_owned(), size_bytes_max });
        }
        Ok(object.body.clone())
    }

    async fn put(
        &self,
        access: &Access,
        bucket: &str,
        key: &str,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<(), ObjectsError> {
        check(key, options)?;
        self.insert(access, bucket, key, body, options.content_type.clone())
    }

    async fn begin(
        &self,
        access: &Access,
        bucket: &str,
        key: &str,
        options: &PutOptions,
    ) -> Result<Box<dyn ObjectWriter>, ObjectsError> {
        check(key, options)?;
        self.state().bucket(access, bucket)?;
        Ok(Box::new(Writer {
            objects: self.clone(),
            access: access.clone(),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            content_type: options.content_type.clone(),
            body: BytesMut::new(),
        }))
    }

    async fn delete(&self, access: &Access, bucket: &str, key: &str) -> Result<(), ObjectsError> {
        self.state().bucket(access, bucket)?.objects.remove(key);
        Ok(())
    }
}

struct Writer {
    objects: MemoryObjects,
    access: Access,
    bucket: String,
    key: String,
    content_type: Option<String>,
    body: BytesMut,
}

#[async_trait]
impl ObjectWriter for Writer {
    async fn write(&mut self, piece: Bytes) -> Result<(), ObjectsError> {
        self.body.extend_from_slice(&piece);
        Ok(())
    }

    async fn finish(self: Box<Self>) -> Result<(), ObjectsError> {
        let Self { objects, access, bucket, key, content_type, body } = *self;
        objects.insert(&access, &bucket, &key, body.freeze(), content_type)
    }
}

fn check(key: &str, options: &PutOptions) -> Result<(), ObjectsError> {
    if options.kms_key_id.is_some() {
        return Err(ObjectsError::KeyRefused("objects in memory are not encrypted".to_owned()));
    }
    match key.len() {
        0 => Err(ObjectsError::InvalidKey("a key is at least 1 byte long")),
        1..=1024 => Ok(()),
        _ => Err(ObjectsError::InvalidKey("a key is at most 1024 bytes long")),
    }
}
