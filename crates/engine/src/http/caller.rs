//! A request made until it succeeds or there is no more hope: with pauses, not
//! too many at once, and none to a server that is left alone.
//!
//! Start reading at [`Caller::call`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use domain::language::LanguagePair;
use ureq::http::StatusCode;

use super::breaker::Breaker;
use super::client::{Answer, Call, Client, NoAnswer};
use super::permits::Permits;
use super::settings::{Endpoint, HttpSettings};
use super::{LOOK_EVERY, now};
use crate::{EngineError, StopFlag};

/// Makes requests.
#[derive(Debug)]
pub(super) struct Caller {
    client: Client,
    permits: Arc<Permits>,
    breaker: Breaker,
    attempts_max: u32,
    pause: Duration,
    pause_max: Duration,
    /// Counts pauses, so that no two of them are alike.
    pauses: AtomicU64,
    place: String,
}

/// Why a request had no success.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CallError {
    /// The flag was raised.
    Stopped,
    /// The server does not want this request, and would not want it again.
    Refused {
        /// The status that said so.
        status: u16,
        /// What it means, and what to do.
        reason: String,
    },
    /// The server failed at this request.
    Failed(String),
    /// The server cannot be reached or is too busy.
    Unavailable(String),
}

impl CallError {
    /// What the engine answers to a request for `pair`.
    pub(super) fn into_engine_error(self, pair: LanguagePair) -> EngineError {
        match self {
            Self::Stopped => EngineError::Stopped,
            Self::Refused { status: _, reason } | Self::Failed(reason) => {
                EngineError::Failed { pair, reason }
            }
            Self::Unavailable(reason) => EngineError::Unavailable { pair, reason },
        }
    }
}

/// What came of one attempt.
enum Attempt {
    Done(Vec<u8>),
    Final(CallError),
    /// Another attempt may succeed; if there is none, this is the error.
    Again(CallError, Option<Duration>),
}

impl Caller {
    pub(super) fn new(settings: &HttpSettings, endpoint: &Endpoint) -> Self {
        Self {
            client: Client::new(settings, endpoint, settings.timeout),
            permits: Permits::new(settings.concurrency_max),
            breaker: Breaker::new(settings.failures_max, settings.rest),
            attempts_max: settings.attempts_max.max(1),
            pause: settings.pause,
            pause_max: settings.pause_max,
            pauses: AtomicU64::new(0),
            place: endpoint.as_str().to_owned(),
        }
    }

    /// The body of a good answer to `call`.
    pub(super) fn call(&self, call: &Call, stop: &StopFlag) -> Result<Vec<u8>, CallError> {
        let mut attempts = 0;
        loop {
            let (error, wanted) = match self.attempt(call, stop) {
                Attempt::Done(body) => return Ok(body),
                Attempt::Final(error) => return Err(error),
                Attempt::Again(error, wanted) => (error, wanted),
            };
            attempts += 1;
            if self.attempts_max <= attempts {
                return Err(error);
            }
            wait(self.pause_after(attempts, wanted), stop)?;
        }
    }

    fn attempt(&self, call: &Call, stop: &StopFlag) -> Attempt {
        let Some(permit) = self.permits.take(stop) else {
            return Attempt::Final(CallError::Stopped);
        };
        let Some(admission) = self.breaker.admit(now()) else {
            let reason = format!(
                "the server at {} failed several times in a row and is left alone for a while",
                self.place
            );
            return Attempt::Final(CallError::Unavailable(reason));
        };
        let attempt = match self.client.send(call.clone(), permit, stop) {
            Ok(answer) => self.judge(answer),
            Err(NoAnswer::Stopped) => Attempt::Final(CallError::Stopped),
            Err(NoAnswer::TooLarge) => Attempt::Final(CallError::Failed(format!(
                "the server at {} sent an answer that is too large",
                self.place
            ))),
            Err(NoAnswer::Unreachable(reason)) => Attempt::Again(
                CallError::Unavailable(format!(
                    "the server at {} is not reached: {reason}; check that it runs and that \
                     engines.http.url is right",
                    self.place
                )),
                None,
            ),
        };
        match &attempt {
            Attempt::Again(CallError::Unavailable(_), _) => admission.failed(now()),
            // Says nothing of the server.
            Attempt::Final(CallError::Stopped) => drop(admission),
            Attempt::Done(_) | Attempt::Final(_) | Attempt::Again(_, _) => admission.answered(),
        }
        attempt
    }

    fn judge(&self, answer: Answer) -> Attempt {
        let Answer { status, retry_after, body } = answer;
        let said = format!("the server at {} answered {}", self.place, status_line(status));
        match status {
            200..=299 => Attempt::Done(body),
            408 | 429 | 502..=504 => Attempt::Again(CallError::Unavailable(said), retry_after),
            500.. => Attempt::Again(
                CallError::Failed(format!("{said}: its own log says why")),
                retry_after,
            ),
            _ => {
                let reason = format!("{said}: {}", remedy(status));
                Attempt::Final(CallError::Refused { status, reason })
            }
        }
    }

    /// How long to pause after so many attempts, where the server wants `wanted`.
    fn pause_after(&self, attempts: u32, wanted: Option<Duration>) -> Duration {
        let doubled = self.pause.saturating_mul(1 << (attempts - 1).min(16)).min(self.pause_max);
        // Many that failed together should not come back together.
        let chance = scattered(self.pauses.fetch_add(1, Ordering::Relaxed)) % 1_000;
        let pause = doubled / 2 + doubled / 2 * u32::try_from(chance).unwrap_or(0) / 1_000;
        pause.max(wanted.unwrap_or_default()).min(self.pause_max)
    }
}

fn wait(pause: Duration, stop: &StopFlag) -> Result<(), CallError> {
    let mut left = pause;
    loop {
        if stop.is_raised() {
            return Err(CallError::Stopped);
        }
        if left.is_zero() {
            return Ok(());
        }
        let nap = left.min(LOOK_EVERY);
        thread::sleep(nap);
        left -= nap;
    }
}

fn status_line(status: u16) -> String {
    let name = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    name.map_or_else(|| status.to_string(), |name| format!("{status} {name}"))
}

/// What to do about a status that means no.
fn remedy(status: u16) -> &'static str {
    match status {
        300..=399 => "set engines.http.url to where it leads, redirects are not followed",
        401 | 403 => "check engines.http.api_key_file",
        404 => "check engines.http.url and engines.http.model",
        405 => "check engines.http.url and engines.http.kind",
        413 => "the server takes less text at once than it is sent, raise its limit",
        400 | 422 => "check engines.http.model and the server's limits, its own log says why",
        _ => "its own log says why",
    }
}

/// Spreads successive numbers over all (splitmix64).
fn scattered(number: u64) -> u64 {
    let mut bits = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::super::settings::HttpKind;
    use super::*;

    fn caller(pause_ms: u64, pause_max_ms: u64) -> Caller {
        let settings = HttpSettings {
            pause: Duration::from_millis(pause_ms),
            pause_max: Duration::from_millis(pause_max_ms),
            ..HttpSettings::new("http://h", HttpKind::OpenAi)
        };
        Caller::new(&settings, &Endpoint::parse(&settings.url).unwrap())
    }

    #[test]
    fn pauses_grow_and_differ_within_bounds() {
        let caller = caller(100, 1_000);
        for (attempts, doubled) in [(1, 100), (2, 200), (3, 400), (4, 800), (5, 1_000), (99, 1_000)]
        {
            for _ in 0..20 {
                let pause = caller.pause_after(attempts, None);
                let bounds = Duration::from_millis(doubled / 2)..=Duration::from_millis(doubled);
                assert!(bounds.contains(&pause), "{attempts}: {pause:?}");
            }
        }
        assert_ne!(caller.pause_after(1, None), caller.pause_after(1, None));
    }

    #[test]
    fn the_server_may_ask_for_longer_pauses_up_to_the_longest() {
        let caller = caller(100, 5_000);
        assert_eq!(caller.pause_after(1, Some(Duration::from_secs(3))), Duration::from_secs(3));
        assert_eq!(caller.pause_after(1, Some(Duration::MAX)), Duration::from_secs(5));
        assert!(Duration::from_millis(50) <= caller.pause_after(1, Some(Duration::ZERO)));
    }

    #[test]
    fn a_refusal_names_the_status_and_the_remedy() {
        let caller = caller(1, 1);
        let check = |status, expected: &str| {
            let answer = Answer { status, retry_after: None, body: Vec::new() };
            let Attempt::Final(CallError::Refused { status: said, reason }) = caller.judge(answer)
            else {
                panic!("{status} is final")
            };
            assert_eq!((said, reason.as_str()), (status, expected));
        };
        check(
            401,
            "the server at http://h answered 401 Unauthorized: check engines.http.api_key_file",
        );
        check(
            404,
            "the server at http://h answered 404 Not Found: check engines.http.url and \
             engines.http.model",
        );
        check(
            301,
            "the server at http://h answered 301 Moved Permanently: set engines.http.url to where \
             it leads, redirects are not followed",
        );
        check(499, "the server at http://h answered 499: its own log says why");
    }
}
