//! What this node has in hand, so that its leases are extended and its work can be stopped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::job::JobId;
use engine::StopFlag;
use store::{Progress, Report, ReportEnd, UnitLease};
use tokio_util::sync::CancellationToken;

/// Says that work in hand is no longer wanted: to engines by a flag, to tasks
/// that wait by waking them.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop {
    flag: StopFlag,
    raised: CancellationToken,
}

impl Stop {
    pub(super) fn raise(&self) {
        self.flag.raise();
        self.raised.cancel();
    }

    pub(super) fn is_raised(&self) -> bool {
        self.flag.is_raised()
    }

    /// What engines look at.
    pub(super) fn flag(&self) -> &StopFlag {
        &self.flag
    }

    /// Waits until it is raised.
    pub(super) async fn raised(&self) {
        self.raised.cancelled().await;
    }
}

/// Everything in hand.
#[derive(Default)]
pub(super) struct Held(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    next: u64,
    units: HashMap<u64, Arc<UnitInHand>>,
    // Listings and finishes.
    jobs: HashMap<u64, (JobId, Stop)>,
}

/// A unit that is being worked on.
pub(super) struct UnitInHand {
    pub(super) lease: UnitLease,
    pub(super) stop: Stop,
    progress: Mutex<Progress>,
}

/// Takes its thing out of [`Held`] when it is dropped, however the work ended.
pub(super) struct Holding<'a> {
    held: &'a Held,
    number: u64,
}

impl Held {
    pub(super) fn hold_unit(&self, unit: Arc<UnitInHand>) -> Holding<'_> {
        self.hold(|inner, number| {
            inner.units.insert(number, unit);
        })
    }

    pub(super) fn hold_job(&self, job: JobId, stop: Stop) -> Holding<'_> {
        self.hold(|inner, number| {
            inner.jobs.insert(number, (job, stop));
        })
    }

    fn hold(&self, insert: impl FnOnce(&mut Inner, u64)) -> Holding<'_> {
        let mut inner = self.lock();
        let number = inner.next;
        inner.next += 1;
        insert(&mut inner, number);
        Holding { held: self, number }
    }

    /// How many listings and finishes, and how many units.
    pub(super) fn counts(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.jobs.len(), inner.units.len())
    }

    pub(super) fn units(&self) -> Vec<Arc<UnitInHand>> {
        self.lock().units.values().cloned().collect()
    }

    pub(super) fn units_of(&self, job: &JobId) -> usize {
        self.lock().units.values().filter(|unit| unit.lease.job.id == *job).count()
    }

    /// The jobs of which anything is in hand, none twice.
    pub(super) fn jobs(&self) -> Vec<JobId> {
        let inner = self.lock();
        let units = inner.units.values().map(|unit| &unit.lease.job.id);
        let mut jobs: Vec<JobId> =
            units.chain(inner.jobs.values().map(|(job, _)| job)).cloned().collect();
        jobs.sort_unstable();
        jobs.dedup();
        jobs
    }

    pub(super) fn stop(&self, jobs: &[JobId]) {
        let inner = self.lock();
        for unit in inner.units.values().filter(|unit| jobs.contains(&unit.lease.job.id)) {
            unit.stop.raise();
        }
        for (_, stop) in inner.jobs.values().filter(|(job, _)| jobs.contains(job)) {
            stop.raise();
        }
    }

    pub(super) fn stop_all(&self) {
        self.stop(&self.jobs());
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        let mut inner = self.held.lock();
        inner.units.remove(&self.number);
        inner.jobs.remove(&self.number);
    }
}

impl UnitInHand {
    pub(super) fn new(lease: UnitLease) -> Self {
        let progress = Mutex::new(lease.unit.progress.clone());
        Self { lease, stop: Stop::default(), progress }
    }

    /// What became of the documents so far.
    pub(super) fn progress(&self) -> Progress {
        self.lock().clone()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.lock());
    }

    pub(super) fn report<'a>(&'a self, progress: &'a Progress, end: ReportEnd) -> Report<'a> {
        Report {
            job: &self.lease.job.id,
            no: self.lease.unit.no,
            epoch: self.lease.epoch,
            progress,
            end,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
