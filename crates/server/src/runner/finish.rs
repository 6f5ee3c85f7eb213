//! Ending a job: its details, its state.

use std::time::Duration;

use domain::job::{Job, Outcome};
use objects::ObjectsError;
use store::{JobLease, Store, StoreError, Unit};
use tokio::time::Instant;

use super::details::{Details, Summary};
use super::held::Stop;
use super::retry::{retried, unwritable};
use super::{LEASE_TERM, Runner, access};

/// Units read at once while the details are written.
const UNITS_PER_READ: u32 = 32;
/// How often the lease is extended meanwhile.
const RENEWAL: Duration = Duration::from_secs(5);

/// Goes through the units of a job that anybody worked on, and keeps the lease meanwhile.
struct Walk<'a> {
    store: &'a dyn Store,
    lease: &'a JobLease,
    after: Option<u32>,
    renewed: Instant,
}

/// Why a job was not ended.
enum Unfinished {
    Objects(ObjectsError),
    Store(StoreError),
}

impl From<ObjectsError> for Unfinished {
    fn from(err: ObjectsError) -> Self {
        Self::Objects(err)
    }
}

impl From<StoreError> for Unfinished {
    fn from(err: StoreError) -> Self {
        Self::Store(err)
    }
}

impl Runner {
    pub(super) async fn finish(&self, lease: &JobLease, outcome: Outcome, fault: Option<String>) {
        // Nobody stops a finish: what was asked for before is in the outcome.
        let _holding = self.held.hold_job(lease.job.id.clone(), Stop::default());
        let ended = match self.wind_up(lease, outcome).await {
            Ok(()) => self.store.finish(lease, outcome, fault.as_deref()).await,
            Err(Unfinished::Store(err)) => Err(err),
            Err(Unfinished::Objects(err)) => {
                let fault = fault.unwrap_or_else(|| unwritable(&err));
                self.store.finish(lease, Outcome::Failed, Some(&fault)).await
            }
        };
        match ended {
            Ok(job) => note_end(&job),
            Err(StoreError::LeaseLost) => {
                tracing::warn!(job.id = %lease.job.id, "another worker ends the job");
            }
            Err(err) => {
                tracing::error!(job.id = %lease.job.id, error = %err, cause = ?err, "could not end");
            }
        }
    }

    /// Leaves the output folder as the job's end promises: details of what was
    /// processed, and no object of anything else.
    async fn wind_up(&self, lease: &JobLease, outcome: Outcome) -> Result<(), Unfinished> {
        let job = &lease.job;
        let is_partial = matches!(outcome, Outcome::Stopped | Outcome::Failed);
        let mut summary = Summary::new(job.request.targets.len());
        let mut walk = Walk::begin(&*self.store, lease);
        while let Some(units) = walk.next().await? {
            for unit in &units {
                if is_partial && unit.was_abandoned {
                    self.remove_unrecorded(job, unit).await?;
                }
                summary.add(unit);
            }
        }
        if summary.processed == 0 {
            return Ok(());
        }
        for target in 0..job.request.targets.len() {
            let mut details = Details::begin(&*self.objects, job, target, &summary).await?;
            let mut walk = Walk::begin(&*self.store, lease);
            while let Some(units) = walk.next().await? {
                for unit in &units {
                    details.add(unit).await?;
                }
            }
            details.finish().await?;
        }
        Ok(())
    }

    /// Removes what a vanished worker may have written and nobody recorded.
    async fn remove_unrecorded(&self, job: &Job, unit: &Unit) -> Result<(), ObjectsError> {
        let (access, place) = (access(job), job.output_folder());
        let folder = place.folder();
        let unrecorded =
            unit.documents.iter().zip(&unit.progress.done).filter(|(_, is_done)| !*is_done);
        for (document, _) in unrecorded {
            for target in &job.request.targets {
                let key = format!("{folder}{}", document.output_path(target.as_str()));
                let stop = Stop::default();
                retried(&stop, || self.objects.delete(&access, place.bucket(), &key)).await?;
            }
        }
        Ok(())
    }
}

impl<'a> Walk<'a> {
    fn begin(store: &'a dyn Store, lease: &'a JobLease) -> Self {
        Self { store, lease, after: None, renewed: Instant::now() }
    }

    /// The next units in order; `None` behind the last.
    async fn next(&mut self) -> Result<Option<Vec<Unit>>, StoreError> {
        if RENEWAL <= self.renewed.elapsed() {
            self.store.renew_job(self.lease, LEASE_TERM).await?;
            self.renewed = Instant::now();
        }
        let job = &self.lease.job.id;
        let units = self.store.touched_units(job, self.after, UNITS_PER_READ).await?;
        self.after = units.last().map(|unit| unit.no);
        Ok((!units.is_empty()).then_some(units))
    }
}

fn note_end(job: &Job) {
    let counts = job.counts.unwrap_or_default();
    tracing::info!(
        job.id = %job.id,
        status = job.status.as_str(),
        translated = counts.translated,
        with_errors = counts.with_errors,
        "the job has ended"
    );
    metrics::counter!("metaphrast_jobs_ended_total", "status" => job.status.as_str()).increment(1);
    if let (Some(asked), Some(ended)) = (job.stop_asked, job.ended) {
        let seconds = Duration::from_millis((ended.0 - asked.0).max(0).unsigned_abs());
        metrics::histogram!("metaphrast_stop_seconds").record(seconds);
    }
}
