//! What this node has in hand, so that its leases are extended and its work can be stopped.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::job::JobId;
use store::{JobLease, JobTask, Progress, Report, ReportEnd, UnitLease};
use tokio_util::sync::CancellationToken;

/// Says that work in hand is no longer wanted. Whatever waits for engines or
/// storage is dropped then, which takes it back from there.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(CancellationToken);

impl Stop {
    pub(super) fn raise(&self) {
        self.0.cancel();
    }

    pub(super) fn is_raised(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Waits until it is raised.
    pub(super) async fn raised(&self) {
        self.0.cancelled().await;
    }
}

/// Everything in hand. Cheap to clone: all clones are one.
#[derive(Clone, Default)]
pub(super) struct Held(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    next: u64,
    units: HashMap<u64, Arc<UnitInHand>>,
    jobs: HashMap<u64, JobInHand>,
}

/// A unit that is being worked on.
pub(super) struct UnitInHand {
    pub(super) lease: UnitLease,
    pub(super) stop: Stop,
    progress: Mutex<Progress>,
}

/// A job that is being listed or finished.
struct JobInHand {
    lease: JobLease,
    // A finish is not stopped by its owner's wish: it is what the wish leads to.
    is_finish: bool,
    stop: Stop,
}

/// How much of each kind is in hand.
pub(super) struct Counts {
    pub(super) listings: usize,
    pub(super) finishes: usize,
    pub(super) units: usize,
}

/// Something is in hand until this is dropped, however the work ends.
struct Holding {
    held: Held,
    number: u64,
}

/// A unit, in hand until this is dropped.
pub(super) struct HeldUnit {
    unit: Arc<UnitInHand>,
    _holding: Holding,
}

/// A listing or a finish, in hand until this is dropped.
pub(super) struct HeldJob {
    stop: Stop,
    _holding: Holding,
}

impl Held {
    pub(super) fn hold_unit(&self, lease: UnitLease) -> HeldUnit {
        let unit = Arc::new(UnitInHand::new(lease));
        let holding = self.hold(|inner, number| {
            inner.units.insert(number, Arc::clone(&unit));
        });
        HeldUnit { unit, _holding: holding }
    }

    pub(super) fn hold_job(&self, task: &JobTask) -> HeldJob {
        let (lease, is_finish) = match task {
            JobTask::List { lease, .. } => (lease.clone(), false),
            JobTask::Finish { lease, .. } => (lease.clone(), true),
        };
        let stop = Stop::default();
        let job = JobInHand { lease, is_finish, stop: stop.clone() };
        let holding = self.hold(|inner, number| {
            inner.jobs.insert(number, job);
        });
        HeldJob { stop, _holding: holding }
    }

    fn hold(&self, insert: impl FnOnce(&mut Inner, u64)) -> Holding {
        let mut inner = self.lock();
        let number = inner.next;
        inner.next += 1;
        insert(&mut inner, number);
        Holding { held: self.clone(), number }
    }

    pub(super) fn counts(&self) -> Counts {
        let inner = self.lock();
        let finishes = inner.jobs.values().filter(|job| job.is_finish).count();
        Counts { listings: inner.jobs.len() - finishes, finishes, units: inner.units.len() }
    }

    pub(super) fn units(&self) -> Vec<Arc<UnitInHand>> {
        self.lock().units.values().cloned().collect()
    }

    pub(super) fn units_of(&self, job: &JobId) -> usize {
        self.lock().units.values().filter(|unit| unit.lease.job.id == *job).count()
    }

    /// The leases on whole jobs, and what to raise when one is lost.
    pub(super) fn job_leases(&self) -> Vec<(JobLease, Stop)> {
        self.lock().jobs.values().map(|job| (job.lease.clone(), job.stop.clone())).collect()
    }

    /// The jobs whose units or listings are in hand, none twice.
    pub(super) fn jobs(&self) -> Vec<JobId> {
        let inner = self.lock();
        let units = inner.units.values().map(|unit| &unit.lease.job.id);
        let listings = inner.jobs.values().filter(|job| !job.is_finish);
        let mut jobs: Vec<JobId> =
            units.chain(listings.map(|job| &job.lease.job.id)).cloned().collect();
        jobs.sort_unstable();
        jobs.dedup();
        jobs
    }

    /// Stops work on units and listings of these jobs.
    pub(super) fn stop(&self, jobs: &[JobId]) {
        let inner = self.lock();
        for unit in inner.units.values().filter(|unit| jobs.contains(&unit.lease.job.id)) {
            unit.stop.raise();
        }
        for job in inner.jobs.values() {
            if !job.is_finish && jobs.contains(&job.lease.job.id) {
                job.stop.raise();
            }
        }
    }

    /// Stops everything, since the process ends.
    pub(super) fn stop_all(&self) {
        let inner = self.lock();
        inner.units.values().for_each(|unit| unit.stop.raise());
        inner.jobs.values().for_each(|job| job.stop.raise());
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeldJob {
    pub(super) fn stop(&self) -> &Stop {
        &self.stop
    }
}

impl Deref for HeldUnit {
    type Target = UnitInHand;

    fn deref(&self) -> &UnitInHand {
        &self.unit
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        let mut inner = self.held.lock();
        inner.units.remove(&self.number);
        inner.jobs.remove(&self.number);
    }
}

impl UnitInHand {
    fn new(lease: UnitLease) -> Self {
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
