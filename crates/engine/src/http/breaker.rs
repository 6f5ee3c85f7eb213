//! Leaves a server alone that failed several times in a row, so that what
//! waits for it does not stand in the way of what could be done.
//!
//! After a rest a single request tries whether it is back; the others are
//! refused until that one has its answer.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Whether the server is asked at present.
#[derive(Debug)]
pub(super) struct Breaker {
    failures_max: u32,
    rest: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    // Set while the server is left alone or tried.
    rests_until: Option<Instant>,
    is_tried: bool,
}

/// May ask the server, and is to say how it went. Dropped without a word, it
/// counts as not asked.
#[derive(Debug)]
pub(super) struct Admission<'a> {
    breaker: &'a Breaker,
    is_trial: bool,
}

impl Breaker {
    pub(super) fn new(failures_max: u32, rest: Duration) -> Self {
        Self { failures_max: failures_max.max(1), rest, state: Mutex::default() }
    }

    /// Whether the server may be asked at `now`.
    pub(super) fn admit(&self, now: Instant) -> Option<Admission<'_>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(until) = state.rests_until else {
            return Some(Admission { breaker: self, is_trial: false });
        };
        if state.is_tried || now < until {
            return None;
        }
        state.is_tried = true;
        Some(Admission { breaker: self, is_trial: true })
    }
}

impl Admission<'_> {
    /// The server answered, whatever it said.
    pub(super) fn answered(self) {
        *self.breaker.state.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }

    /// The server could not be reached, or was too busy.
    pub(super) fn failed(self, now: Instant) {
        let mut state = self.breaker.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = state.failures.saturating_add(1);
        if self.is_trial || self.breaker.failures_max <= state.failures {
            state.rests_until = now.checked_add(self.breaker.rest);
        }
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        if self.is_trial {
            let mut state = self.breaker.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.is_tried = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::now;
    use super::*;

    const REST: Duration = Duration::from_secs(10);

    #[test]
    fn it_opens_after_failures_in_a_row_and_closes_after_a_trial() {
        let breaker = Breaker::new(2, REST);
        let start = now();
        let admit = |after: Duration| breaker.admit(start + after);

        admit(Duration::ZERO).unwrap().failed(start);
        admit(Duration::ZERO).unwrap().answered();
        admit(Duration::ZERO).unwrap().failed(start);
        admit(Duration::ZERO).unwrap().failed(start);
        assert!(admit(REST / 2).is_none());

        let trial = admit(REST).unwrap();
        assert!(admit(REST).is_none(), "one trial at a time");
        trial.failed(start + REST);
        assert!(admit(REST + REST / 2).is_none());

        // A trial that was given up says nothing.
        drop(admit(2 * REST).unwrap());
        admit(2 * REST).unwrap().answered();
        let _one = admit(2 * REST).unwrap();
        assert!(admit(2 * REST).is_some());
    }
}
