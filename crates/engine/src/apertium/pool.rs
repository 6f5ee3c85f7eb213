//! The pipelines in memory, and who holds which.
//!
//! A pipeline is started when it is asked for, lent to one caller at a time,
//! and kept for the next one. It goes when it was not used for long, or when
//! there are too many and it is the one that was not used for longest. The
//! lock is never held while a process is started, asked or ended, so that a
//! direction that hangs keeps no other one waiting.
//!
//! Start reading at [`Pool::lend`].

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::mode::Mode;
use super::pipeline::{Broken, LOOK_EVERY, Pipeline};
use crate::StopFlag;

/// How many pipelines there may be at most, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct PoolLimits {
    /// For each direction; at least one.
    pub(super) pipelines_per_direction: usize,
    /// All together. Those in use do not go for it, so that there may be more
    /// for a while.
    pub(super) pipelines: usize,
    /// For how many ticks one stays that is not used.
    pub(super) idle_ticks: u32,
}

/// The pipelines of all directions, each known by a number.
pub(super) struct Pool {
    limits: PoolLimits,
    state: Mutex<State>,
    given_back: Condvar,
}

#[derive(Default)]
struct State {
    directions: BTreeMap<usize, Direction>,
    /// How often any pipeline was given back so far.
    uses: u64,
}

#[derive(Default)]
struct Direction {
    idle: Vec<Idle>,
    lent: usize,
}

struct Idle {
    pipeline: Pipeline,
    /// What [`State::uses`] was when it was given back.
    last_use: u64,
    ticks: u32,
}

/// A pipeline in use. Goes when dropped; [`Lent::give_back`] keeps it.
pub(super) struct Lent<'a> {
    pool: &'a Pool,
    direction: usize,
    // None only while it is replaced or given back.
    pipeline: Option<Pipeline>,
}

impl Pool {
    pub(super) fn new(limits: PoolLimits) -> Self {
        Self { limits, state: Mutex::default(), given_back: Condvar::new() }
    }

    /// Lends a pipeline of `direction`, which `mode` describes: one in memory,
    /// or a new one, or the next that is given back if there are enough.
    ///
    /// # Errors
    ///
    /// If it cannot be started, or if the flag was raised.
    pub(super) fn lend(
        &self,
        direction: usize,
        mode: &Mode,
        stop: &StopFlag,
    ) -> Result<Lent<'_>, Broken> {
        let mut state = self.lock();
        let idle = loop {
            if stop.is_raised() {
                return Err(Broken::Stopped);
            }
            let Direction { idle, lent } = state.directions.entry(direction).or_default();
            if let Some(idle) = idle.pop() {
                *lent += 1;
                break Some(idle.pipeline);
            }
            if *lent < self.limits.pipelines_per_direction.max(1) {
                *lent += 1;
                break None;
            }
            let waited = self.given_back.wait_timeout(state, LOOK_EVERY);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        };
        let spare = state.spare(self.limits.pipelines);
        drop(state);
        drop(spare);

        let mut lent = Lent { pool: self, direction, pipeline: idle };
        // One whose process was ended from outside, or who talks unasked.
        if lent.pipeline.as_ref().is_none_or(|pipeline| !pipeline.is_quiet()) {
            lent.replace(mode)?;
        }
        Ok(lent)
    }

    /// Lets go of what was not used for long.
    pub(super) fn tick(&self) {
        let mut state = self.lock();
        let mut old = Vec::new();
        for direction in state.directions.values_mut() {
            for idle in &mut direction.idle {
                idle.ticks += 1;
            }
            let is_old = |idle: &mut Idle| self.limits.idle_ticks < idle.ticks;
            old.extend(direction.idle.extract_if(.., is_old));
        }
        drop(state);
        drop(old);
    }

    /// The memory that the idle pipelines of `direction` hold.
    pub(super) fn memory_bytes(&self, direction: usize) -> u64 {
        let state = self.lock();
        let idle = state.directions.get(&direction).map_or(&[][..], |direction| &direction.idle);
        idle.iter().map(|idle| idle.pipeline.memory_bytes()).sum()
    }

    /// How many pipelines wait to be used.
    #[cfg(test)]
    pub(super) fn idle_count(&self) -> usize {
        self.lock().directions.values().map(|direction| direction.idle.len()).sum()
    }

    /// Ends one process of an idle pipeline from outside.
    #[cfg(test)]
    pub(super) fn kill_a_stage(&self) -> bool {
        let mut state = self.lock();
        let idle = state.directions.values_mut().flat_map(|direction| &mut direction.idle).next();
        idle.is_some_and(|idle| idle.pipeline.kill_a_stage())
    }

    // Whatever panicked did so between two whole changes.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes out the idle pipelines that are too many, those not used for
    /// longest first.
    fn spare(&mut self, pipelines_max: usize) -> Vec<Idle> {
        let count = |direction: &Direction| direction.idle.len() + direction.lent;
        let total: usize = self.directions.values().map(count).sum();
        let mut spare = Vec::new();
        while pipelines_max + spare.len() < total {
            let oldest = self
                .directions
                .values_mut()
                .filter_map(|direction| {
                    let last_use = |index: &usize| direction.idle[*index].last_use;
                    let index = (0..direction.idle.len()).min_by_key(last_use);
                    index.map(|index| (direction.idle[index].last_use, direction, index))
                })
                .min_by_key(|(last_use, _, _)| *last_use);
            let Some((_, direction, index)) = oldest else {
                break;
            };
            spare.push(direction.idle.swap_remove(index));
        }
        spare
    }
}

impl Lent<'_> {
    /// Ends this pipeline and starts another one in its place.
    pub(super) fn replace(&mut self, mode: &Mode) -> Result<(), Broken> {
        drop(self.pipeline.take());
        self.pipeline = Some(Pipeline::start(mode)?);
        Ok(())
    }

    /// Keeps the pipeline for the next caller. It must not owe an answer.
    pub(super) fn give_back(mut self) {
        let pipeline = self.pipeline.take();
        let mut state = self.pool.lock();
        state.uses += 1;
        let last_use = state.uses;
        let idle = pipeline.map(|pipeline| Idle { pipeline, last_use, ticks: 0 });
        state.directions.entry(self.direction).or_default().idle.extend(idle);
        // This one is counted as lent for a moment longer.
        let spare = state.spare(self.pool.limits.pipelines.saturating_add(1));
        drop(state);
        drop(spare);
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        // The processes go before the place is free, so that there are never more.
        drop(self.pipeline.take());
        let mut state = self.pool.lock();
        if let Some(direction) = state.directions.get_mut(&self.direction) {
            direction.lent -= 1;
        }
        drop(state);
        self.pool.given_back.notify_all();
    }
}

impl Deref for Lent<'_> {
    type Target = Pipeline;

    fn deref(&self) -> &Pipeline {
        self.pipeline.as_ref().expect("it is only missing while it is replaced or given back")
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut Pipeline {
        self.pipeline.as_mut().expect("it is only missing while it is replaced or given back")
    }
}
