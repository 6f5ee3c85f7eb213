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
use store::{Clock, JobRoom, JobTask, NodeId, Report, ReportEnd, Store, StoreError};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::translate::Translator;
use crate::turns::Turns;
use held::{Counts, Held, HeldJob, HeldUnit};

/// How long a lease lasts without a heartbeat.
const LEASE_TERM: Duration = Duration::from_secs(30);
/// How often progress is recorded and leases are extended.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How often ended jobs are cleaned up.
const CLEANING: Duration = Duration::from_mins(1);
/// How long the cleaning lets others write before it goes on.
const CLEANING_PAUSE: Duration = Duration::from_millis(20);
/// How long a shutdown waits for work in hand to be given back.
const SHUTDOWN_MAX: Duration = Duration::from_secs(10);

/// Units in hand at once. Each waits for its documents, which have a bound of
/// their own.
const UNITS_IN_HAND_MAX: usize = 64;
/// Units of one job in hand at once, so that a new job gets its turn while
/// others are busy.
const UNITS_PER_JOB_MAX: usize = 4;
/// Jobs being listed and being finished at once. They have bounds of their own,
/// so that a stop does not wait for the listings of other jobs.
const LISTINGS_IN_HAND_MAX: usize = 8;
const FINISHES_IN_HAND_MAX: usize = 8;
/// Documents in hand at once, over all units.
const DOCUMENTS_IN_HAND_MAX: usize = 16;
/// Bytes of input documents in hand at once, in kilobytes.
const DOCUMENT_KILOBYTES_IN_HAND_MAX: u32 = 64 << 10;

/// Works on jobs until it is told to shut down.
pub struct Runner {
    store: Arc<dyn Store>,
    objects: Arc<dyn Objects>,
    translator: Arc<Translator>,
    // Rung by the API.
    wake: Arc<Notify>,
    // Rung when there may be something to take.
    look: Notify,
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
    Job(Box<JobTask>, HeldJob),
    Unit(HeldUnit),
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
            look: Notify::new(),
            clock,
            settings,
            held: Held::default(),
            served: Mutex::default(),
            documents: Turns::new(DOCUMENTS_IN_HAND_MAX),
            document_kilobytes: Semaphore::new(DOCUMENT_KILOBYTES_IN_HAND_MAX as usize),
        }
    }

    /// Works until `shutdown`, then gives back what is in hand.
    ///
    /// Taking work, watching over it and cleaning up go on side by side: none of
    /// them waits for another, however slow the store is.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let cleaning = async {
            tokio::select! {
                () = self.keep_clean() => (),
                () = shutdown.cancelled() => (),
            }
        };
        tokio::join!(self.keep_taking(&shutdown), self.keep_watching(&shutdown), cleaning);
    }

    /// Takes one thing in hand and brings it to its end. Tells whether there was any.
    pub async fn step(&self) -> Result<bool, StoreError> {
        let Some(task) = self.take().await? else { return Ok(false) };
        self.perform(task).await;
        Ok(true)
    }

    /// Takes whatever there is room for, and at the end waits until it is given back.
    async fn keep_taking(self: &Arc<Self>, shutdown: &CancellationToken) {
        let mut in_hand = JoinSet::new();
        while !shutdown.is_cancelled() {
            match self.take().await {
                Ok(Some(task)) => {
                    let runner = Arc::clone(self);
                    in_hand.spawn(async move { runner.perform(task).await });
                    while in_hand.try_join_next().is_some() {}
                    continue;
                }
                Ok(None) => (),
                Err(err) => tracing::error!(error = %err, cause = ?err, "could not take work"),
            }
            tokio::select! {
                () = self.look.notified() => (),
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

    /// Keeps the leases of what is in hand, and drops what is no longer wanted.
    async fn keep_watching(&self, shutdown: &CancellationToken) {
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.wake.notified() => self.drop_unwanted().await,
                _ = heartbeat.tick() => self.beat().await,
                () = shutdown.cancelled() => return,
            }
            self.look.notify_one();
        }
    }

    async fn keep_clean(&self) {
        loop {
            tokio::time::sleep(CLEANING).await;
            while self.clean_up().await {
                // Others write too.
                tokio::time::sleep(CLEANING_PAUSE).await;
            }
        }
    }

    /// Takes one thing in hand, if there is any and room for it.
    async fn take(&self) -> Result<Option<Task>, StoreError> {
        let Counts { listings, finishes, units } = self.held.counts();
        let room = JobRoom {
            lists: listings < LISTINGS_IN_HAND_MAX,
            finishes: finishes < FINISHES_IN_HAND_MAX,
        };
        let RunnerSettings { node, jobs_running_max, .. } = &self.settings;
        let task = self.store.claim_job(node, LEASE_TERM, *jobs_running_max, room).await?;
        if let Some(task) = task {
            let held = self.held.hold_job(&task);
            return Ok(Some(Task::Job(Box::new(task), held)));
        }
        if UNITS_IN_HAND_MAX <= units {
            return Ok(None);
        }
        let mut runnable = self.store.runnable_jobs().await?;
        runnable.retain(|job| self.held.units_of(job) < UNITS_PER_JOB_MAX);
        for job in self.by_turn(runnable) {
            match self.store.claim_unit(node, &job, LEASE_TERM).await {
                Ok(Some(lease)) => {
                    self.mark_served(&job);
                    return Ok(Some(Task::Unit(self.held.hold_unit(lease))));
                }
                Ok(None) => (),
                // One damaged job shall not keep the others from being worked on.
                Err(err) => {
                    tracing::error!(job.id = %job, error = %err, cause = ?err, "could not claim");
                }
            }
        }
        Ok(None)
    }

    async fn perform(&self, task: Task) {
        match task {
            Task::Job(task, held) => match *task {
                JobTask::List { lease, cursor, documents, input_bytes } => {
                    self.list(&lease, cursor, documents, input_bytes, held.stop()).await;
                }
                JobTask::Finish { lease, outcome, fault } => {
                    self.finish(&lease, outcome, fault, held.stop()).await;
                }
            },
            Task::Unit(unit) => self.work(&unit).await,
        }
        // What follows may be taken at once: units after a listing, the finish after a unit.
        self.look.notify_one();
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
        self.measure();
        let units = self.held.units();
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
        for (lease, stop) in self.held.job_leases() {
            match self.store.renew_job(&lease, LEASE_TERM).await {
                Ok(()) => (),
                Err(StoreError::LeaseLost) => stop.raise(),
                Err(err) => {
                    tracing::error!(error = %err, cause = ?err, "could not extend a lease");
                }
            }
        }
        self.drop_unwanted().await;
    }

    fn measure(&self) {
        let Counts { listings, finishes, units } = self.held.counts();
        let documents = DOCUMENTS_IN_HAND_MAX - self.documents.free();
        for (what, depth) in [
            ("listings", listings),
            ("finishes", finishes),
            ("units", units),
            ("documents", documents),
        ] {
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

    /// Removes some of what is old. Tells whether there may be more.
    async fn clean_up(&self) -> bool {
        let ended_before = self.settings.retention.map(|retention| {
            let millis = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
            Timestamp((self.clock)().0.saturating_sub(millis))
        });
        self.store.clean_up(ended_before).await.unwrap_or_else(|err| {
            tracing::error!(error = %err, cause = ?err, "could not clean up");
            false
        })
    }
}

/// On whose behalf a job's storage is reached.
fn access(job: &domain::job::Job) -> Access {
    Access { account: job.owner.account.clone(), role_arn: job.request.role_arn.clone() }
}
