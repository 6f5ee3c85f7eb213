//! Turns: a bounded number of things at once, shared fairly between lanes.
//!
//! A lane is whoever shall not wait behind all of another's, such as a job. Of
//! those who wait, lanes are served in rotation, and within a lane the first
//! comes first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// A bounded number of turns. Cheap to clone: all clones are one.
#[derive(Clone, Debug)]
pub(crate) struct Turns(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    // Invariant: zero while anyone waits.
    free: usize,
    // Invariant: no lane stands twice, and none is empty.
    waiting: VecDeque<Lane>,
}

#[derive(Debug)]
struct Lane {
    name: String,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn(Option<Turns>);

impl Turns {
    pub(crate) fn new(turns: usize) -> Self {
        Self(Arc::new(Mutex::new(State { free: turns, waiting: VecDeque::new() })))
    }

    /// How many turns nobody has.
    pub(crate) fn free(&self) -> usize {
        self.lock().free
    }

    /// Waits for a turn in `lane`. Dropped while it waits, it leaves the lane.
    pub(crate) async fn take(&self, lane: &str) -> Turn {
        let turn = {
            let mut state = self.lock();
            if 0 < state.free {
                state.free -= 1;
                return Turn(Some(self.clone()));
            }
            state.join(lane)
        };
        turn.await.expect("whoever waits in a lane is kept until served")
    }

    /// Gives a turn that ended to the next who waits.
    fn pass_on(&self) {
        while let Some(next) = self.next() {
            match next.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // Whoever waited has gone away; the turn that was meant for them never was.
                Err(mut unwanted) => drop(unwanted.0.take()),
            }
        }
    }

    /// The next who waits; with nobody there, the turn is free.
    fn next(&self) -> Option<oneshot::Sender<Turn>> {
        let mut state = self.lock();
        let Some(mut lane) = state.waiting.pop_front() else {
            state.free += 1;
            return None;
        };
        let next = lane.waiting.pop_front();
        if !lane.waiting.is_empty() {
            state.waiting.push_back(lane);
        }
        next
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn join(&mut self, name: &str) -> oneshot::Receiver<Turn> {
        let (sender, receiver) = oneshot::channel();
        match self.waiting.iter_mut().find(|lane| lane.name == name) {
            Some(lane) => lane.waiting.push_back(sender),
            None => self
                .waiting
                .push_back(Lane { name: name.to_owned(), waiting: VecDeque::from([sender]) }),
        }
        receiver
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lanes_are_served_in_rotation() {
        let turns = Turns::new(1);
        let first = turns.take("a").now_or_never().unwrap();
        let mut waiting = ["a1", "a2", "a3", "b1", "c1", "b2"]
            .map(|name| (name, Box::pin(turns.take(&name[..1]))));
        for (_, take) in &mut waiting {
            assert!(take.as_mut().now_or_never().is_none());
        }
        let (mut order, mut turn) = (Vec::new(), first);
        for _ in 0..waiting.len() {
            drop(turn);
            let mut left = waiting.iter_mut().filter(|(name, _)| !order.contains(name));
            let (name, next) =
                left.find_map(|(name, take)| Some((*name, take.as_mut().now_or_never()?))).unwrap();
            order.push(name);
            turn = next;
        }
        assert_eq!(order, ["a1", "b1", "c1", "a2", "b2", "a3"]);
    }

    #[test]
    fn who_goes_away_is_passed_over() {
        let turns = Turns::new(1);
        let first = turns.take("a").now_or_never().unwrap();
        let mut second = pin!(turns.take("b"));
        {
            let mut gone = pin!(turns.take("a"));
            assert!(gone.as_mut().now_or_never().is_none());
            assert!(second.as_mut().now_or_never().is_none());
        }
        drop(first);
        assert!(second.as_mut().now_or_never().is_some());
    }

    proptest! {
        #[test]
        fn no_turn_is_lost_or_doubled(
            steps in prop::collection::vec((0usize..3, 0usize..4), 0..60),
        ) {
            let turns = Turns::new(2);
            let (mut taken, mut waiting) = (Vec::new(), Vec::new());
            for (step, at) in steps {
                match step {
                    0 => waiting.push(Box::pin(turns.take(["a", "b", "c", "d"][at]))),
                    1 if !taken.is_empty() => drop(taken.remove(at % taken.len())),
                    2 if !waiting.is_empty() => drop(waiting.remove(at % waiting.len())),
                    _ => (),
                }
                let mut still = Vec::new();
                for mut take in waiting.drain(..) {
                    match take.as_mut().now_or_never() {
                        Some(turn) => taken.push(turn),
                        None => still.push(take),
                    }
                }
                waiting = still;
                prop_assert_eq!(turns.free() + taken.len(), 2);
                prop_assert!(waiting.is_empty() || turns.free() == 0);
            }
        }
    }
}
