//! The loop that works on jobs: what it takes in hand, in which order, and how it stops.
//!
//! Knows nothing of the API. The two meet in the store and share one wake-up
//! call, which may be lost without harm: whatever it announces is found by
//! looking again a second later.
//!
//! Start reading at [`Runner::run`].

mod details;
mod document;
mod finish;
mod held;
mod listing;
mod retry;
#[cfg(test)]
mod tests;
mod unit;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::Timestamp;
use domain::job::JobId;
use objects::{Access, Objects};
use store::{Clock, JobTask, NodeId, Report, ReportEnd, Store, StoreError, UnitLease};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::translate::Translator;
use crate::turns::Turns;
use held::Held;

/// How long a lease lasts without a heartbeat.
const LEASE_TERM: Duration = Duration::from_secs(30);
/// How often progress is recorded and leases are extended.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How often ended jobs are cleaned up.
const CLEANING: Duration = Duration::from_mins(1);
/// How long a shutdown waits for work in hand to be given back.
const SHUTDOWN_MAX: Duration = Duration::from_secs(10);

/// Units in hand at once. Each waits for its documents, which have a bound of
/// their own.
const UNITS_IN_HAND_MAX: usize = 64;
/// Units of one job in hand at once, so that a new job gets its turn while
/// others are busy.
const UNITS_PER_JOB_MAX: usize = 4;
/// Listings and finishes in hand at once.
const JOB_TASKS_IN_HAND_MAX: usize = 8;
/// Documents in hand at once, over all units.
const DOCUMENTS_IN_HAND_MAX: usize = 16;
/// Bytes of input documents in hand at once, in kilobytes.
const DOCUMENT_KILOBYTES_IN_HAND_MAX: u32 = 64 << 10;

/// Works on jobs until it is told to shut down.
pub struct Runner {
    store: Arc<dyn Store>,
    objects: Arc<dyn Objects>,
    translator: Arc<Translator>,
    wake: Arc<Notify>,
    clock: Clock,
    settings: RunnerSettings,
    held: Held,
    // When each job was last served, as a running number: the round robin.
    served: Mutex<HashMap<JobId, u64>>,
    documents: Turns,
    document_kilobytes: Semaphore,
}

/// What a runner is told by the configuration.
#[derive(Clone, Debug)]
pub struct RunnerSettings {
    /// The name of this process, never used twice.
    pub node: NodeId,
    /// Jobs of one owner that run at once.
    pub jobs_running_max: u32,
    /// How long ended jobs are kept; `None` for ever.
    pub retention: Option<Duration>,
}

/// One thing in hand.
enum Task {
    Job(Box<JobTask>),
    Unit(Box<UnitLease>),
}

impl Runner {
    /// A runner that has not begun.
    pub fn new(
        store: Arc<dyn Store>,
        objects: Arc<dyn Objects>,
        translator: Arc<Translator>,
        wake: Arc<Notify>,
        clock: Clock,
        settings: RunnerSettings,
    ) -> Self {
        Self {
            store,
            objects,
            translator,
            wake,
            clock,
            settings,
            held: Held::default(),
            served: Mutex::default(),
            documents: Turns::new(DOCUMENTS_IN_HAND_MAX),
            document_kilobytes: Semaphore::new(DOCUMENT_KILOBYTES_IN_HAND_MAX as usize),
        }
    }

    /// Works until `shutdown`, then gives back what is in hand.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut cleaned = Instant::now();
        let mut in_hand = JoinSet::new();
        while !shutdown.is_cancelled() {
            if let Err(err) = self.take_all(&mut in_hand).await {
                tracing::error!(error = %err, cause = ?err, "could not take work");
            }
            tokio::select! {
                () = self.wake.notified() => self.drop_unwanted().await,
                Some(_) = in_hand.join_next() => (),
                _ = heartbeat.tick() => {
                    self.beat().await;
                    if CLEANING <= cleaned.elapsed() {
                        cleaned = Instant::now();
                        self.clean_up().await;
                    }
                }
                () = shutdown.cancelled() => (),
            }
        }
        self.held.stop_all();
        let given_back = async { while in_hand.join_next().await.is_some() {} };
        if tokio::time::timeout(SHUTDOWN_MAX, given_back).await.is_err() {
            tracing::warn!(
                "some work was not given back in time: its leases run out by themselves"
            );
        }
    }

    /// Takes one thing in hand and brings it to its end. Tells whether there was any.
    pub async fn step(&self) -> Result<bool, StoreError> {
        let Some(task) = self.take(usize::MAX, usize::MAX).await? else { return Ok(false) };
        self.perform(task).await;
        Ok(true)
    }

    /// Takes in hand whatever there is room for.
    async fn take_all(self: &Arc<Self>, in_hand: &mut JoinSet<()>) -> Result<(), StoreError> {
        while let Some(task) = self.take(JOB_TASKS_IN_HAND_MAX, UNITS_IN_HAND_MAX).await? {
            let runner = Arc::clone(self);
            in_hand.spawn(async move { runner.perform(task).await });
        }
        Ok(())
    }

    async fn take(&self, jobs_max: usize, units_max: usize) -> Result<Option<Task>, StoreError> {
        let (jobs, units) = self.held.counts();
        if jobs < jobs_max {
            let running_max = self.settings.jobs_running_max;
            let task = self.store.claim_job(&self.settings.node, LEASE_TERM, running_max).await?;
            if let Some(task) = task {
                return Ok(Some(Task::Job(Box::new(task))));
            }
        }
        if units < units_max {
            let mut runnable = self.store.runnable_jobs().await?;
            runnable.retain(|job| self.held.units_of(job) < UNITS_PER_JOB_MAX);
            for job in self.by_turn(runnable) {
                let unit = self.store.claim_unit(&self.settings.node, &job, LEASE_TERM).await?;
                if let Some(unit) = unit {
                    self.mark_served(&job);
                    return Ok(Some(Task::Unit(Box::new(unit))));
                }
            }
        }
        Ok(None)
    }

    async fn perform(&self, task: Task) {
        match task {
            Task::Job(task) => match *task {
                JobTask::List { lease, cursor, documents, input_bytes } => {
                    self.list(&lease, cursor, documents, input_bytes).await;
                }
                JobTask::Finish { lease, outcome, fault } => {
                    self.finish(&lease, outcome, fault).await;
                }
            },
            Task::Unit(lease) => self.work(*lease).await,
        }
        // What follows may be taken at once: units after a listing, the finish after a unit.
        self.wake.notify_one();
    }

    /// The runnable jobs, those with the fewest units in hand first, and among
    /// these the one whose last turn is longest ago.
    fn by_turn(&self, mut runnable: Vec<JobId>) -> Vec<JobId> {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        served.retain(|job, _| runnable.contains(job) || 0 < self.held.units_of(job));
        runnable.sort_by_key(|job| (self.held.units_of(job), served.get(job).copied()));
        runnable
    }

    fn mark_served(&self, job: &JobId) {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = served.values().max().map_or(0, |last| last + 1);
        served.insert(job.clone(), turn);
    }

    /// Records progress, extends leases, and drops what is no longer wanted.
    async fn beat(&self) {
        let units = self.held.units();
        self.measure();
        let progress: Vec<_> = units.iter().map(|unit| unit.progress()).collect();
        let reports: Vec<Report<'_>> = units
            .iter()
            .zip(&progress)
            .map(|(unit, progress)| unit.report(progress, ReportEnd::Working))
            .collect();
        if !reports.is_empty() {
            match self.store.report(&reports, LEASE_TERM).await {
                Ok(held) => {
                    for (unit, _) in units.iter().zip(held).filter(|(_, is_held)| !is_held) {
                        unit.stop.raise();
                    }
                }
                Err(err) => {
                    tracing::error!(error = %err, cause = ?err, "could not record progress");
                }
            }
        }
        self.drop_unwanted().await;
    }

    fn measure(&self) {
        let (jobs, units) = self.held.counts();
        let documents = DOCUMENTS_IN_HAND_MAX - self.documents.free();
        for (what, depth) in [("job_tasks", jobs), ("units", units), ("documents", documents)] {
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
            metrics::gauge!("metaphrast_in_hand", "what" => what).set(depth as f64);
        }
    }

    /// Raises the flags of all work whose job was stopped, failed or ended.
    async fn drop_unwanted(&self) {
        match self.store.unwanted(&self.held.jobs()).await {
            Ok(unwanted) => self.held.stop(&unwanted),
            Err(err) => tracing::error!(error = %err, cause = ?err, "could not look for stops"),
        }
    }

    async fn clean_up(&self) {
        let ended_before = self.settings.retention.map(|retention| {
            let millis = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
            Timestamp((self.clock)().0.saturating_sub(millis))
        });
        loop {
            match self.store.clean_up(ended_before).await {
                Ok(true) => tokio::task::yield_now().await,
                Ok(false) => return,
                Err(err) => {
                    return tracing::error!(error = %err, cause = ?err, "could not clean up");
                }
            }
        }
    }
}

/// On whose behalf a job's storage is reached.
fn access(job: &domain::job::Job) -> Access {
    Access { account: job.owner.account.clone(), role_arn: job.request.role_arn.clone() }
}
