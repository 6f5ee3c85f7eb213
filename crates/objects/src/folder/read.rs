//! Reading objects: whole, or as a stream of any range.

use std::fs::File;
use std::future::Future as _;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_core::Stream;
use rustix::fs::Stat;
use tokio::task::JoinHandle;

use super::error::{FolderError, failure};
use super::headers::{Headers, Kept};
use super::names::ObjectPath;
use super::tree::{Bucket, Found};
use super::{FolderObjects, Inner};
use crate::ObjectsError;

/// How much of an object is in memory at once.
const PIECE_BYTES: u64 = 256 << 10;

/// An open object: what it is stays the same, whatever is written under its key.
#[derive(Debug)]
pub struct Object {
    /// Its size.
    pub size_bytes: u64,
    /// The tag of its content, without quotation marks.
    pub etag: String,
    /// When it was written.
    pub modified: SystemTime,
    /// The headers that were given with it.
    pub headers: Headers,
    pub(super) file: File,
}

impl Object {
    pub(super) fn of(found: Found) -> Self {
        let Found { file, stat } = found;
        let Kept { etag, headers } = Kept::read(&file, &stat);
        let size_bytes = u64::try_from(stat.st_size).unwrap_or_default();
        Self { size_bytes, etag, modified: modified(&stat), headers, file }
    }

    /// The bytes of a range, which lies within the object.
    pub fn into_stream(self, range: Range<u64>) -> ObjectStream {
        ObjectStream { file: Arc::new(self.file), range, reading: None }
    }
}

/// The bytes of an object, piece by piece.
#[derive(Debug)]
pub struct ObjectStream {
    file: Arc<File>,
    range: Range<u64>,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl Stream for ObjectStream {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.range.is_empty() {
            return Poll::Ready(None);
        }
        let Self { file, range, reading } = &mut *self;
        let reading = reading.get_or_insert_with(|| {
            let (file, range) = (Arc::clone(file), range.clone());
            tokio::task::spawn_blocking(move || read_piece(&file, range))
        });
        let read = ready!(Pin::new(reading).poll(ctx));
        self.reading = None;
        let piece = read.unwrap_or_else(|err| Err(io::Error::other(err)));
        match &piece {
            Ok(piece) => self.range.start += piece.len() as u64,
            // After a failure there is nothing more.
            Err(_) => self.range.end = self.range.start,
        }
        Poll::Ready(Some(piece))
    }
}

impl FolderObjects {
    /// Opens an object.
    ///
    /// # Errors
    ///
    /// [`ObjectsError::NoSuchBucket`], [`ObjectsError::AccessDenied`], [`ObjectsError::NoSuchKey`].
    pub async fn open_object(
        &self,
        account: &str,
        bucket: &str,
        key: &str,
    ) -> Result<Object, FolderError> {
        let (account, bucket, key) = (account.to_owned(), bucket.to_owned(), key.to_owned());
        self.blocking(move |inner| inner.open_object(&account, &bucket, key)).await
    }

    pub(super) async fn read_whole(
        &self,
        account: &str,
        bucket: &str,
        key: &str,
        etag: Option<String>,
        size_bytes_max: u64,
    ) -> Result<Bytes, FolderError> {
        let (account, bucket, key) = (account.to_owned(), bucket.to_owned(), key.to_owned());
        self.blocking(move |inner| {
            let object = inner.open_object(&account, &bucket, key.clone())?;
            if etag.is_some_and(|etag| etag != object.etag) {
                return Err(FolderError::Objects(ObjectsError::Changed(key)));
            }
            if size_bytes_max < object.size_bytes {
                return Err(FolderError::Objects(ObjectsError::TooLarge { key, size_bytes_max }));
            }
            let size = usize::try_from(object.size_bytes).map_err(io::Error::other);
            let mut content = vec![0; size.map_err(failure)?];
            object.file.read_exact_at(&mut content, 0).map_err(failure)?;
            Ok(Bytes::from(content))
        })
        .await
    }
}

impl Inner {
    pub(super) fn open_object(
        &self,
        account: &str,
        bucket: &str,
        key: String,
    ) -> Result<Object, FolderError> {
        let bucket = self.bucket(account, bucket)?;
        open_in(&bucket, key)
    }
}

fn open_in(bucket: &Bucket, key: String) -> Result<Object, FolderError> {
    // A key that cannot be written is not there.
    let found = match ObjectPath::of(&key) {
        Ok(path) => bucket.find(&path)?,
        Err(_) => None,
    };
    match found {
        Some(found) => Ok(Object::of(found)),
        None => Err(FolderError::Objects(ObjectsError::NoSuchKey(key))),
    }
}

/// When the content of a file was last written.
pub(super) fn modified(stat: &Stat) -> SystemTime {
    let nanoseconds = u32::try_from(stat.st_mtime_nsec).unwrap_or_default();
    match u64::try_from(stat.st_mtime) {
        Ok(seconds) => SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds),
        // Nobody needs to tell apart times before 1970.
        Err(_) => SystemTime::UNIX_EPOCH,
    }
}

fn read_piece(file: &File, range: Range<u64>) -> io::Result<Bytes> {
    let length = PIECE_BYTES.min(range.end - range.start);
    let mut piece = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut piece, range.start)?;
    Ok(Bytes::from(piece))
}
