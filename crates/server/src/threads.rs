//! Threads that compute, always the same few: engines keep their buffers with
//! the thread, and a pool that hands each call to another one pays for that.

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

type Call = Box<dyn FnOnce() + Send>;

/// A few threads. They end when this is dropped and what was begun is done.
#[derive(Debug)]
pub(crate) struct Threads {
    // Whoever calls bounds how much waits here.
    calls: Sender<Call>,
}

impl Threads {
    pub(crate) fn start(count: NonZero<usize>) -> Self {
        let (calls, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..count.get() {
            let waiting = Arc::clone(&waiting);
            std::thread::spawn(move || work(&waiting));
        }
        Self { calls }
    }

    /// Runs `compute` on one of the threads; `None` if it panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (sender, receiver) = oneshot::channel();
        let call = Box::new(move || {
            // Whoever asked may have gone away.
            let _heard = sender.send(compute());
        });
        self.calls.send(call).ok()?;
        receiver.await.ok()
    }
}

fn work(waiting: &Mutex<Receiver<Call>>) {
    loop {
        let call = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(call) = call else { return };
        // A panic drops the sender, which is how its caller learns of it.
        let _panic = catch_unwind(AssertUnwindSafe(call));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_one_callers_alone() {
        let threads = Threads::start(NonZero::<usize>::MIN);
        assert_eq!(threads.run(|| 1).await, Some(1));
        assert_eq!(threads.run(|| -> u8 { panic!("on purpose") }).await, None);
        assert_eq!(threads.run(|| 2).await, Some(2));
    }
}
