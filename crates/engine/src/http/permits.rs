//! How many requests may be under way at once.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::LOOK_EVERY;
use crate::StopFlag;

/// The permits that are left.
#[derive(Debug)]
pub(super) struct Permits {
    left: Mutex<usize>,
    returned: Condvar,
}

/// May make a request. Returned when dropped.
#[derive(Debug)]
pub(super) struct Permit(Arc<Permits>);

impl Permits {
    pub(super) fn new(count: usize) -> Arc<Self> {
        Arc::new(Self { left: Mutex::new(count.max(1)), returned: Condvar::new() })
    }

    /// Waits for a permit; none if `stop` is raised before there is one.
    pub(super) fn take(self: &Arc<Self>, stop: &StopFlag) -> Option<Permit> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if stop.is_raised() {
                return None;
            }
            if 0 < *left {
                *left -= 1;
                return Some(Permit(Arc::clone(self)));
            }
            let waited = self.returned.wait_timeout(left, LOOK_EVERY);
            left = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.0.left.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_and_no_more() {
        let permits = Permits::new(2);
        let (stop, stopped) = (StopFlag::default(), StopFlag::default());
        stopped.raise();
        let first = permits.take(&stop).unwrap();
        let _second = permits.take(&stop).unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| permits.take(&stop).is_some());
            assert!(permits.take(&stopped).is_none());
            drop(first);
            assert!(waiting.join().unwrap());
        });
        assert!(Permits::new(0).take(&stop).is_some(), "at least one");
    }
}
