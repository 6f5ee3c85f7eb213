//! Ending a job: its details, its state.

use std::time::Duration;

use domain::job::{Job, Outcome};
use objects::ObjectsError;
use store::{JobLease, Store, StoreError, Unit};

use super::details::{Details, Summary};
use super::held::Stop;
use super::retry::{Transient, retried, unwritable};
use super::{Runner, access};

/// Units read at once while the details are written.
const UNITS_PER_READ: u32 = 32;

/// Why a job was not ended.
#[derive(Debug, thiserror::Error)]
enum Unfinished {
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The process ends or the lease was lost: another one begins anew.
    #[error("the finish was given up")]
    GivenUp,
}

impl Transient for Unfinished {
    fn is_transient(&self) -> bool {
        match self {
            Self::Objects(err) => err.is_transient(),
            Self::Store(_) | Self::GivenUp => false,
        }
    }
}

/// Goes through the units of a job that anybody worked on.
struct Walk<'a> {
    store: &'a dyn Store,
    job: &'a Job,
    stop: &'a Stop,
    after: Option<u32>,
}

impl Runner {
    pub(super) async fn finish(
        &self,
        lease: &JobLease,
        outcome: Outcome,
        fault: Option<String>,
        stop: &Stop,
    ) {
        let ended = match self.wind_up(&lease.job, outcome, stop).await {
            Ok(()) => self.store.finish(lease, outcome, fault.as_deref()).await,
            Err(Unfinished::Objects(err)) => {
                let fault = fault.unwrap_or_else(|| unwritable(&err));
                self.store.finish(lease, Outcome::Failed, Some(&fault)).await
            }
            Err(Unfinished::Store(err)) => Err(err),
            Err(Unfinished::GivenUp) => {
                return match self.store.release_job(lease).await {
                    Ok(()) | Err(StoreError::LeaseLost) => (),
                    Err(err) => note_failure(lease, &err),
                };
            }
        };
        match ended {
            Ok(job) => note_end(&job),
            Err(err) => note_failure(lease, &err),
        }
    }

    /// Leaves the output folder as the job's end promises: details of what was
    /// processed, and no object of anything else.
    async fn wind_up(&self, job: &Job, outcome: Outcome, stop: &Stop) -> Result<(), Unfinished> {
        let is_partial = matches!(outcome, Outcome::Stopped | Outcome::Failed);
        let mut summary = Summary::new(job.request.targets.len());
        let mut walk = self.walk(job, stop);
        while let Some(units) = walk.next().await? {
            for unit in &units {
                if is_partial && unit.was_abandoned {
                    self.remove_unrecorded(job, unit, stop).await?;
                }
                summary.add(unit);
            }
        }
        if summary.processed == 0 {
            return Ok(());
        }
        for target in 0..job.request.targets.len() {
            retried(stop, || self.write_details(job, target, &summary, stop)).await?;
        }
        Ok(())
    }

    async fn write_details(
        &self,
        job: &Job,
        target: usize,
        summary: &Summary,
        stop: &Stop,
    ) -> Result<(), Unfinished> {
        let mut details = Details::begin(&*self.objects, job, target, summary).await?;
        let mut walk = self.walk(job, stop);
        while let Some(units) = walk.next().await? {
            for unit in &units {
                details.add(unit).await?;
            }
        }
        Ok(details.finish().await?)
    }

    fn walk<'a>(&'a self, job: &'a Job, stop: &'a Stop) -> Walk<'a> {
        Walk { store: &*self.store, job, stop, after: None }
    }

    /// Removes what a vanished worker may have written and nobody recorded.
    async fn remove_unrecorded(
        &self,
        job: &Job,
        unit: &Unit,
        stop: &Stop,
    ) -> Result<(), Unfinished> {
        let (access, place) = (access(job), job.output_folder());
        let folder = place.folder();
        let unrecorded =
            unit.documents.iter().zip(&unit.progress.done).filter(|(_, is_done)| !*is_done);
        for (document, _) in unrecorded {
            if stop.is_raised() {
                return Err(Unfinished::GivenUp);
            }
            for target in &job.request.targets {
                let key = format!("{folder}{}", document.output_path(target.as_str()));
                retried(stop, || self.objects.delete(&access, place.bucket(), &key)).await?;
            }
        }
        Ok(())
    }
}

impl Walk<'_> {
    /// The next units in order; `None` behind the last.
    async fn next(&mut self) -> Result<Option<Vec<Unit>>, Unfinished> {
        if self.stop.is_raised() {
            return Err(Unfinished::GivenUp);
        }
        let units = self.store.touched_units(&self.job.id, self.after, UNITS_PER_READ).await?;
        self.after = units.last().map(|unit| unit.no);
        Ok((!units.is_empty()).then_some(units))
    }
}

fn note_failure(lease: &JobLease, err: &StoreError) {
    if matches!(err, StoreError::LeaseLost) {
        return tracing::warn!(job.id = %lease.job.id, "another worker ends the job");
    }
    tracing::error!(job.id = %lease.job.id, error = %err, cause = ?err, "could not end the job");
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
        let took = Duration::from_millis((ended.0 - asked.0).max(0).unsigned_abs());
        metrics::histogram!("metaphrast_stop_seconds").record(took);
    }
}
