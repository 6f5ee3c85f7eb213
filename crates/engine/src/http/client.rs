//! One request over HTTP: sent by a thread of its own, so that whoever waits for
//! it can give up at any time.
//!
//! Nothing of what is sent or received gets into an error. Redirects are not
//! followed: texts and keys go to the configured place and nowhere else.
//!
//! Start reading at [`Client::send`].

use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE, DATE, HeaderName, RETRY_AFTER};
use ureq::http::{HeaderMap, HeaderValue};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Proxy};

use super::LOOK_EVERY;
use super::permits::Permit;
use super::settings::{Endpoint, HttpSettings};
use crate::StopFlag;

const USER_AGENT: &str = concat!("metaphrast/", env!("CARGO_PKG_VERSION"));

/// Sends requests.
#[derive(Debug)]
pub(super) struct Client {
    config: ureq::config::Config,
    answer_bytes_max: u64,
    /// Those with a connection that may be used again, each for one request at a time.
    idle: Mutex<Vec<Agent>>,
    idle_max: usize,
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) url: Arc<str>,
    /// Goes into the `Authorization` header.
    pub(super) authorization: Option<HeaderValue>,
    /// JSON to be posted; without it the address is only read.
    pub(super) body: Option<Arc<[u8]>>,
}

/// What a server answered, well or not.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// How long the server wants to be left alone.
    pub(super) retry_after: Option<Duration>,
    /// Empty where the status says that there is nothing in it for us.
    pub(super) body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The flag was raised.
    Stopped,
    /// The connection failed or took too long.
    Unreachable(String),
    /// There was one, and it was larger than allowed.
    TooLarge,
}

impl Client {
    /// A client for `endpoint` whose requests take at most `timeout`.
    pub(super) fn new(settings: &HttpSettings, endpoint: &Endpoint, timeout: Duration) -> Self {
        // Whoever runs the machine says whom it trusts: servers of one's own often
        // have certificates of one's own.
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let connect_timeout = settings.connect_timeout.min(timeout);
        let proxy = if endpoint.uses_proxy { Proxy::try_from_env() } else { None };
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy)
            .tls_config(tls)
            .user_agent(USER_AGENT)
            .timeout_global(Some(timeout))
            .timeout_resolve(Some(connect_timeout))
            .timeout_connect(Some(connect_timeout))
            .build();
        Self {
            config,
            answer_bytes_max: settings.answer_bytes_max,
            idle: Mutex::default(),
            idle_max: settings.concurrency_max,
        }
    }

    /// Makes a request. The permit is held until the thread that makes it is
    /// done, even if the caller gave up before.
    pub(super) fn send(
        &self,
        call: Call,
        permit: Permit,
        stop: &StopFlag,
    ) -> Result<Answer, NoAnswer> {
        let agent = self.idle().pop().unwrap_or_else(|| self.config.new_agent());
        let (sender, receiver) = mpsc::sync_channel(1);
        let (own, bytes_max) = (agent.clone(), self.answer_bytes_max);
        let thread = thread::Builder::new().name("http engine".to_owned()).spawn(move || {
            let answer = exchange(&own, &call, bytes_max);
            drop(permit);
            // Whoever gave up does not listen.
            let _ = sender.send(answer);
        });
        if let Err(err) = thread {
            return Err(NoAnswer::Unreachable(format!("no thread could be started: {err}")));
        }
        let answer = loop {
            match receiver.recv_timeout(LOOK_EVERY) {
                Ok(answer) => break answer,
                Err(RecvTimeoutError::Timeout) if stop.is_raised() => {
                    // Closes the connection, so that the server learns of it too.
                    agent.shutdown();
                    return Err(NoAnswer::Stopped);
                }
                Err(RecvTimeoutError::Timeout) => (),
                Err(RecvTimeoutError::Disconnected) => {
                    let reason = "the thread that asked the server panicked".to_owned();
                    return Err(NoAnswer::Unreachable(reason));
                }
            }
        };
        let mut idle = self.idle();
        if answer.is_ok() && idle.len() < self.idle_max {
            idle.push(agent);
        }
        answer
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Agent>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn exchange(agent: &Agent, call: &Call, bytes_max: u64) -> Result<Answer, NoAnswer> {
    let response = match &call.body {
        Some(body) => {
            let mut request = agent.post(&*call.url).header(CONTENT_TYPE, "application/json");
            if let Some(authorization) = &call.authorization {
                request = request.header(AUTHORIZATION, authorization);
            }
            request.send(&body[..])
        }
        None => agent.get(&*call.url).call(),
    };
    let mut response = response.map_err(|err| no_answer(&err))?;
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let body = if status.is_success() {
        let body = response.body_mut().with_config().limit(bytes_max).read_to_vec();
        body.map_err(|err| no_answer(&err))?
    } else {
        Vec::new()
    };
    Ok(Answer { status: status.as_u16(), retry_after, body })
}

fn no_answer(err: &ureq::Error) -> NoAnswer {
    use ureq::{Error, Timeout};

    if matches!(err, Error::BodyExceedsLimit(_)) {
        return NoAnswer::TooLarge;
    }
    let reason = if matches!(err, Error::Timeout(Timeout::Resolve | Timeout::Connect)) {
        "it could not be connected to in time".to_owned()
    } else if matches!(err, Error::Timeout(_)) {
        "it did not answer in time".to_owned()
    } else if matches!(err, Error::Protocol(_) | Error::Http(_)) {
        // What these say may quote what was received.
        "it does not speak HTTP as it should".to_owned()
    } else if let Error::Io(err) = err {
        err.to_string()
    } else {
        err.to_string()
    };
    NoAnswer::Unreachable(reason)
}

/// What `Retry-After` says, in seconds or as a date. A date is compared with the
/// one of the answer, so that the clocks of the two machines need not agree.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let wanted = text(RETRY_AFTER)?.trim();
    if let Ok(seconds) = wanted.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let (until, from) = (httpdate::parse_http_date(wanted), httpdate::parse_http_date(text(DATE)?));
    until.ok()?.duration_since(from.ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_to_be_left_alone_is_read_in_both_forms() {
        let check = |wanted: &'static str, date: &'static str, expected: Option<u64>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(wanted));
            headers.insert(DATE, HeaderValue::from_static(date));
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{wanted}");
        };
        let date = "Fri, 31 Dec 1999 23:59:00 GMT";
        check("7", "", Some(7));
        check("Fri, 31 Dec 1999 23:59:59 GMT", date, Some(59));
        check("Fri, 31 Dec 1999 23:58:00 GMT", date, None);
        check("Fri, 31 Dec 1999 23:59:59 GMT", "", None);
        check("soon", date, None);
        check("-1", date, None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
