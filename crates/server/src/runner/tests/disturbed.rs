//! Objects that are disturbed at one touch: the process ends, the storage fails or is full.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use objects::{Access, ObjectWriter, Objects, ObjectsError, Page, PutOptions};
use tokio::sync::Notify;

/// What happens at one touch of the storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disturbance {
    /// The process ends before it.
    CrashBefore,
    /// The process ends after it.
    CrashAfter,
    /// The storage fails once, and works when tried again.
    FailOnce,
    /// The storage is full from here on.
    Full,
}

/// Objects that are disturbed at their touch number `at`, counted from 0 once armed.
pub(super) struct DisturbedObjects {
    inner: Arc<dyn Objects>,
    disturbance: Disturbance,
    at: AtomicUsize,
    pub(super) crashed: Arc<Notify>,
}

pub(super) const NEVER: usize = usize::MAX / 2;

impl DisturbedObjects {
    pub(super) fn new(inner: Arc<dyn Objects>, disturbance: Disturbance) -> Self {
        let (at, crashed) = (AtomicUsize::new(NEVER), Arc::new(Notify::new()));
        Self { inner, disturbance, at, crashed }
    }

    pub(super) fn arm(&self, at: usize) {
        self.at.store(at, Ordering::SeqCst);
    }

    /// Whether the touch at which something should happen never came.
    pub(super) fn is_untouched(&self) -> bool {
        self.at.load(Ordering::SeqCst) < NEVER
    }

    async fn touch<T>(
        &self,
        touch: impl Future<Output = Result<T, ObjectsError>>,
    ) -> Result<T, ObjectsError> {
        let left = self.at.fetch_sub(1, Ordering::SeqCst);
        let is_now = left == 0;
        match self.disturbance {
            Disturbance::CrashBefore if is_now => self.crash().await,
            Disturbance::CrashAfter if is_now => {
                let _done = touch.await;
                self.crash().await
            }
            Disturbance::FailOnce if is_now => {
                Err(ObjectsError::Storage(Box::from("the storage hiccuped")))
            }
            // Below zero the number has wrapped around.
            Disturbance::Full if is_now || NEVER < left => Err(ObjectsError::Full),
            Disturbance::CrashBefore
            | Disturbance::CrashAfter
            | Disturbance::FailOnce
            | Disturbance::Full => touch.await,
        }
    }

    async fn crash<T>(&self) -> T {
        self.crashed.notify_one();
        std::future::pending().await
    }
}

/// The same objects, shared with the test.
pub(super) struct Shared(pub(super) Arc<DisturbedObjects>);

#[async_trait]
impl Objects for Shared {
    async fn list(
        &self,
        access: &Access,
        bucket: &str,
        prefix: &str,
        start_after: Option<&str>,
        keys_max: usize,
    ) -> Result<Page, ObjectsError> {
        self.0.touch(self.0.inner.list(access, bucket, prefix, start_after, keys_max)).await
    }

    async fn get(
        &self,
        access: &Access,
        bucket: &str,
        key: &str,
        etag: Option<&str>,
        size_bytes_max: u64,
    ) -> Result<Bytes, ObjectsError> {
        self.0.touch(self.0.inner.get(access, bucket, key, etag, size_bytes_max)).await
    }

    async fn put(
        &self,
        access: &Access,
        bucket: &str,
        key: &str,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<(), ObjectsError> {
        self.0.touch(self.0.inner.put(access, bucket, key, body, options)).await
    }

    async fn begin(
        &self,
        access: &Access,
        bucket: &str,
        key: &str,
        options: &PutOptions,
    ) -> Result<Box<dyn ObjectWriter>, ObjectsError> {
        let writer = self.0.touch(self.0.inner.begin(access, bucket, key, options)).await?;
        Ok(Box::new(DisturbedWriter { writer, objects: Arc::clone(&self.0) }))
    }

    async fn delete(&self, access: &Access, bucket: &str, key: &str) -> Result<(), ObjectsError> {
        if self.0.disturbance == Disturbance::Full {
            // What is full can be emptied.
            return self.0.inner.delete(access, bucket, key).await;
        }
        self.0.touch(self.0.inner.delete(access, bucket, key)).await
    }
}

struct DisturbedWriter {
    writer: Box<dyn ObjectWriter>,
    objects: Arc<DisturbedObjects>,
}

#[async_trait]
impl ObjectWriter for DisturbedWriter {
    async fn write(&mut self, piece: Bytes) -> Result<(), ObjectsError> {
        self.objects.touch(self.writer.write(piece)).await
    }

    async fn finish(self: Box<Self>) -> Result<(), ObjectsError> {
        self.objects.touch(self.writer.finish()).await
    }
}
