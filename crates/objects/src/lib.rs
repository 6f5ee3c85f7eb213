//! The trait for object storage, and each storage behind it.
//!
//! Knows neither jobs nor the database: who asks is named in every call.
//!
//! Start reading at [`Objects`].

#[cfg(test)]
mod contract;
pub mod folder;
pub mod memory;

use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;

/// Buckets of objects under keys, as the runner needs them.
///
/// Keys are any UTF-8 of 1 to 1,024 bytes; nothing in them is special. What a
/// write returned from is durable, and readers see an object whole or not at all.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Lists the objects whose keys begin with `prefix` and come after
    /// `start_after`, in the byte order of keys: at most `keys_max`, which is 1 to 1,000.
    ///
    /// # Errors
    ///
    /// [`ObjectsError::NoSuchBucket`], [`ObjectsError::AccessDenied`].
    async fn list(
        &self,
        access: &Access,
        bucket: &str,
        prefix: &str,
        start_after: Option<&str>,
        keys_max: usize,
    ) -> Result<Page, ObjectsError>;

    /// Reads one object whole.
    ///
    /// # Errors
    ///
    /// [`ObjectsError::NoSuchKey`]; [`ObjectsError::Changed`] if its ETag is not
    /// `etag`; [`ObjectsError::TooLarge`] if it has more than `size_bytes_max` bytes.
    async fn get(
        &self,
        access: &Access,
        bucket: &str,
        key: &str,
        etag: Option<&str>,
        size_bytes_max: u64,
    ) -> Result<Bytes, ObjectsError>;

    /// Writes one object whole, in the place of any other under this key.
    async fn put(
        &self,
        access: &Access,
        bucket: &str,
        key: &str,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<(), ObjectsError>;

    /// Begins an object that is written piece by piece and appears whole when finished.
    async fn begin(
        &self,
        access: &Access,
        bucket: &str,
        key: &str,
        options: &PutOptions,
    ) -> Result<Box<dyn ObjectWriter>, ObjectsError>;

    /// Removes an object; one that is not there is no error.
    async fn delete(&self, access: &Access, bucket: &str, key: &str) -> Result<(), ObjectsError>;
}

/// An object in the making. Dropped unfinished, it leaves nothing behind.
#[async_trait]
pub trait ObjectWriter: Send {
    /// Appends a piece of any size.
    async fn write(&mut self, piece: Bytes) -> Result<(), ObjectsError>;

    /// Makes the object appear under its key.
    async fn finish(self: Box<Self>) -> Result<(), ObjectsError>;
}

/// On whose behalf the storage is reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// The account whose buckets are meant: twelve digits.
    pub account: String,
    /// The role the account gave for this access, which a storage may map to credentials.
    pub role_arn: String,
}

/// How an object is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutOptions {
    /// Its `Content-Type`.
    pub content_type: Option<String>,
    /// The id, ARN or alias of the KMS key that encrypts it.
    pub kms_key_id: Option<String>,
}

/// A part of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The objects, in the byte order of their keys.
    pub objects: Vec<ObjectInfo>,
    /// Whether there may be objects after the last one.
    pub is_truncated: bool,
}

/// What a listing says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its key.
    pub key: String,
    /// Its size.
    pub size_bytes: u64,
    /// The tag of its content, without quotation marks.
    pub etag: String,
    /// When it was written.
    pub modified: SystemTime,
}

/// Why the storage did not do as asked. The texts are in the caller's terms
/// and safe to show.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// There is no such bucket.
    #[error("the bucket '{0}' does not exist")]
    NoSuchBucket(String),
    /// There is no object under this key.
    #[error("the object '{0}' does not exist")]
    NoSuchKey(String),
    /// The object is not the one that was listed.
    #[error("the object '{0}' has changed since the input folder was listed")]
    Changed(String),
    /// The object is larger than the caller takes.
    #[error("the object '{key}' has more than {size_bytes_max} bytes")]
    TooLarge {
        /// Its key.
        key: String,
        /// What the caller takes.
        size_bytes_max: u64,
    },
    /// The key cannot be kept.
    #[error("the key cannot be stored: {0}")]
    InvalidKey(&'static str),
    /// The account may not do this: the bucket is another account's, or the files are not ours.
    #[error("access to the bucket '{0}' is denied")]
    AccessDenied(String),
    /// The encryption key is not usable here.
    #[error("the encryption key cannot be used: {0}")]
    KeyRefused(String),
    /// The storage is full.
    #[error("the storage is full")]
    Full,
    /// Anything else. Trying again may help.
    #[error("the storage failed")]
    Storage(#[source] Box<dyn std::error::Error + Send + Sync>),
}
