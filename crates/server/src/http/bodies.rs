//! Reading the bodies of requests, bounded one by one and all together.
//!
//! A signature covers the whole body, so that a body is in memory before it is
//! known who sent it. Small ones are bounded by the number of connections; each
//! larger one takes room for all of it before it grows, and waits until there is.
//!
//! Start reading at [`Bodies::read`].

use axum::body::{Body, HttpBody};
use http_body_util::BodyExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Duration, Instant, timeout_at};

use crate::api::error::ApiError;

/// The largest legal body is a terminology of 10 MiB in base64.
const BODY_BYTES_MAX: usize = 16 << 20;
/// So much more of a body that is too large is read and thrown away, so that
/// the client gets to read the answer.
const DRAINED_BYTES_MAX: usize = 64 << 20;
/// So much of a body needs no room: all of most requests.
const SMALL_BYTES_MAX: usize = 16 << 10;
/// What all larger bodies together may have: 256 MiB.
const ROOM_KILOBYTES: usize = 256 << 10;
const BODY_TIME_MAX: Duration = Duration::from_mins(1);

/// The bound on all bodies in hand.
pub struct Bodies {
    /// In kilobytes.
    room: Semaphore,
    time_max: Duration,
}

/// A body that was read; its room is given back with it.
#[derive(Debug)]
pub(super) struct Held<'a> {
    bytes: Vec<u8>,
    _room: Option<SemaphorePermit<'a>>,
}

impl Default for Bodies {
    fn default() -> Self {
        Self { room: Semaphore::new(ROOM_KILOBYTES), time_max: BODY_TIME_MAX }
    }
}

impl Held<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Bodies {
    /// Reads a whole body, in bounded time.
    pub(super) async fn read(&self, mut body: Body) -> Result<Held<'_>, ApiError> {
        let deadline = Instant::now() + self.time_max;
        let announced = body.size_hint().upper();
        // One whose size is not announced may have any.
        let expected =
            announced.map_or(BODY_BYTES_MAX, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        let (mut bytes, mut room, mut size) = (Vec::new(), None, 0);
        // A client that is slower than this gets what a broken body gets.
        while let Some(frame) =
            timeout_at(deadline, body.frame()).await.map_err(|_| ApiError::Serialization(None))?
        {
            let frame = frame.map_err(|_| ApiError::Serialization(None))?;
            let Ok(data) = frame.into_data() else { continue };
            size += data.len();
            if DRAINED_BYTES_MAX < size {
                break;
            }
            if BODY_BYTES_MAX < expected.max(size) {
                (bytes, room) = (Vec::new(), None);
                continue;
            }
            if SMALL_BYTES_MAX < size && room.is_none() {
                room = Some(self.room(expected, deadline).await?);
                bytes.reserve_exact(expected.saturating_sub(bytes.len()));
            }
            bytes.extend_from_slice(&data);
        }
        if BODY_BYTES_MAX < size {
            return Err(ApiError::RequestEntityTooLarge(format!(
                "a request body has at most {BODY_BYTES_MAX} bytes"
            )));
        }
        Ok(Held { bytes, _room: room })
    }

    /// Room for a whole body at once: bodies that took it bit by bit could all
    /// wait for each other.
    async fn room(&self, bytes: usize, deadline: Instant) -> Result<SemaphorePermit<'_>, ApiError> {
        let kilobytes = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX);
        match timeout_at(deadline, self.room.acquire_many(kilobytes)).await {
            Ok(Ok(room)) => Ok(room),
            Ok(Err(closed)) => Err(ApiError::internal(closed)),
            Err(_) => Err(ApiError::ServiceUnavailable(
                "too many large requests are being received: try again later".to_owned(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Bytes;
    use futures_util::stream;

    use super::*;

    /// Bodies for which there is room for `kilobytes`, and no time to wait.
    fn bodies(kilobytes: usize) -> Bodies {
        Bodies { room: Semaphore::new(kilobytes), time_max: Duration::ZERO }
    }

    /// A body of `size` zeros whose size is not announced.
    fn chunked(size: usize) -> Body {
        let chunk = Bytes::from(vec![0; 10_000]);
        let chunks = (0..size)
            .step_by(chunk.len())
            .map(move |start| Ok::<_, Infallible>(chunk.slice(..chunk.len().min(size - start))));
        Body::from_stream(stream::iter(chunks.collect::<Vec<_>>()))
    }

    #[tokio::test]
    async fn a_small_body_needs_no_room() {
        let full = bodies(0);
        for body in [Body::empty(), vec![0; SMALL_BYTES_MAX].into(), chunked(SMALL_BYTES_MAX)] {
            full.read(body).await.unwrap();
        }
        assert_eq!(full.read(Body::from("{}")).await.unwrap().bytes(), b"{}");
    }

    #[tokio::test]
    async fn a_large_body_has_room_for_all_of_it_until_it_is_dropped() {
        let bodies = bodies(40);
        let body = || Body::from(vec![0; 30 << 10]);
        let held = bodies.read(body()).await.unwrap();
        assert_eq!(held.bytes().len(), 30 << 10);
        assert!(matches!(bodies.read(body()).await, Err(ApiError::ServiceUnavailable(_))));
        drop(held);
        bodies.read(body()).await.unwrap();
        // It could grow to any size.
        let refused = bodies.read(chunked(30 << 10)).await;
        assert!(matches!(refused, Err(ApiError::ServiceUnavailable(_))));
    }

    #[tokio::test]
    async fn the_largest_body_is_read_and_a_larger_one_is_refused() {
        let bodies = bodies(16 << 10);
        for body in [Body::from(vec![0; BODY_BYTES_MAX]), chunked(BODY_BYTES_MAX)] {
            assert_eq!(bodies.read(body).await.unwrap().bytes().len(), BODY_BYTES_MAX);
        }
        for body in [Body::from(vec![0; BODY_BYTES_MAX + 1]), chunked(BODY_BYTES_MAX + 1)] {
            let refused = bodies.read(body).await;
            assert!(matches!(refused, Err(ApiError::RequestEntityTooLarge(_))));
        }
        assert_eq!(bodies.room.available_permits(), 16 << 10);
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up() {
        let silent = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        let bodies = bodies(0);
        let refused = bodies.read(silent).await;
        assert!(matches!(refused, Err(ApiError::Serialization(None))));
    }
}
