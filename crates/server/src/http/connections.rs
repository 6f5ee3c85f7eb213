//! Accepting connections, with a bound on how many and how slow.

use std::convert::Infallible;
use std::io::{Error, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

const CONNECTIONS_MAX: usize = 4_096;
const HEADER_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a shutdown waits for requests in hand.
const SHUTDOWN_MAX: Duration = Duration::from_secs(10);
/// How long to wait when no connection can be accepted, such as without file handles.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers requests until `shutdown`, then finishes those in hand.
///
/// HTTP/1.1 alone: it is what the SDKs speak to a plain endpoint, and a refusal
/// of a large body reaches the client there.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            Some(_) = connections.join_next() => continue,
            () = shutdown.cancelled() => break,
        };
        let (stream, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(err) if is_over(&err) => {
                tracing::debug!(error = %err, "a connection ended before it was accepted");
                continue;
            }
            Err(err) => {
                tracing::warn!(error = %err, "could not accept a connection");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let router = router.clone();
        let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            let router = router.clone();
            async move { Ok::<_, Infallible>(call(router, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        connections.spawn(async move {
            // What goes wrong on a connection is the client's to see.
            let _closed = connection.await;
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(SHUTDOWN_MAX, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were not answered in time");
    }
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> std::io::Result<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(Error::other)?;
    let (stream, _) = listener.accept().await?;
    // Answers are small and waited for. It fails if the client has gone already.
    let _set = stream.set_nodelay(true);
    Ok((stream, permit))
}

/// Whether `err` is about the one connection that was to be accepted, so that the
/// next one may succeed at once. All else, such as a lack of file handles, lasts.
fn is_over(err: &Error) -> bool {
    matches!(
        err.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::TimedOut
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::PermissionDenied
    )
}

async fn call(router: Router, request: hyper::Request<Incoming>) -> axum::response::Response {
    match router.oneshot(request.map(Body::new)).await {
        Ok(response) => response,
        Err(impossible) => match impossible {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_file_handles_lasts_and_an_aborted_connection_is_over() {
        // EMFILE and ENFILE have these numbers on every Unix.
        for number in [24, 23] {
            assert!(!is_over(&Error::from_raw_os_error(number)));
        }
        assert!(!is_over(&ErrorKind::OutOfMemory.into()));
        assert!(is_over(&ErrorKind::ConnectionAborted.into()));
        assert!(is_over(&ErrorKind::ConnectionReset.into()));
    }
}
