//! What is kept durably: jobs, the units of work they fall into, and who works on them.
//!
//! The traits are the contract that every database behind them keeps; the same
//! tests run over all. Knows nothing of JSON, engines and objects.
//!
//! Start reading at [`JobStore`] for what the API needs and at [`WorkStore`]
//! for what the runner needs.

#[cfg(test)]
mod contract;
mod encoding;
mod sqlite;
mod work;

pub use sqlite::SqliteStore;
pub use work::{
    Holder, JobLease, JobRoom, JobTask, NodeId, Progress, Report, ReportEnd, TargetFault, Unit,
    UnitLease, Untranslated,
};

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::Timestamp;
use domain::job::{
    InputDocument, InvalidTransition, Job, JobId, JobRequest, Outcome, Owner, Status,
};

/// Tells the time. A database that is shared by several nodes uses its own instead.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Everything that is kept, by one database.
pub trait Store: JobStore + WorkStore {}

impl<S: JobStore + WorkStore> Store for S {}

/// The durable list of jobs.
///
/// Every method is one transaction: it happens whole or not at all, and what it
/// returned survives a crash. All implementations pass the same contract tests.
#[async_trait]
pub trait JobStore: Send + Sync {
    /// Records a job, or returns the one recorded earlier under the same client token.
    ///
    /// # Errors
    ///
    /// [`StoreError::TokenReused`] if the earlier request was another one;
    /// [`StoreError::QueueFull`] if `queued_max` jobs of this owner wait already.
    async fn submit(&self, job: NewJob, queued_max: u32) -> Result<Job, StoreError>;

    /// The job recorded earlier under this client token, if any.
    ///
    /// # Errors
    ///
    /// [`StoreError::TokenReused`] if that request was another one.
    async fn submitted_before(
        &self,
        owner: &Owner,
        client_token: &str,
        fingerprint: &Fingerprint,
    ) -> Result<Option<Job>, StoreError>;

    /// A job as it stands.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchJob`], also for another owner's.
    async fn job(&self, owner: &Owner, id: &JobId) -> Result<Job, StoreError>;

    /// The owner's jobs that pass `filter`, in its order, after `after`: at most `limit`.
    async fn list(
        &self,
        owner: &Owner,
        filter: &JobFilter,
        after: Option<&ListPosition>,
        limit: u32,
    ) -> Result<Vec<Job>, StoreError>;

    /// Asks a job to stop, and returns it as it stands afterwards.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoSuchJob`], also for another owner's.
    async fn request_stop(&self, owner: &Owner, id: &JobId) -> Result<Job, StoreError>;

    /// How many jobs are in each state, over all owners; states without jobs are left out.
    async fn count_by_status(&self) -> Result<Vec<(Status, u64)>, StoreError>;

    /// The 32 random bytes kept under `name`, which are `fresh` if there were none.
    async fn secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], StoreError>;
}

/// Who works on what.
///
/// A lease is the right to write until it runs out. It carries an epoch that
/// each new holder raises, and a write that names an older epoch is refused, so
/// that a worker that was declared dead, and was not, harms nothing. Leases run
/// by the clock of the database alone.
#[async_trait]
pub trait WorkStore: Send + Sync {
    /// Leases the next thing to do for a job as a whole: finish one whose work
    /// is over, go on listing one whose lister is gone, or begin the oldest
    /// submitted one of an owner that has fewer than `running_max` running. Takes
    /// only what there is `room` for.
    ///
    /// Who finishes a job has it alone: leases on its units that ran out are void
    /// from then on, even for those who hold them still.
    async fn claim_job(
        &self,
        node: &NodeId,
        term: Duration,
        running_max: u32,
        room: JobRoom,
    ) -> Result<Option<JobTask>, StoreError>;

    /// Records the next part of a job's listing: units, the key up to which the
    /// input was seen, and whether that was all. Extends the lease.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`].
    async fn add_units(
        &self,
        lease: &JobLease,
        part: &ListedPart,
        term: Duration,
    ) -> Result<(), StoreError>;

    /// Extends a lease on a job.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`], also when it was given back or ended meanwhile.
    async fn renew_job(&self, lease: &JobLease, term: Duration) -> Result<(), StoreError>;

    /// Gives a lease on a job back, so that another may go on at once.
    async fn release_job(&self, lease: &JobLease) -> Result<(), StoreError>;

    /// Records what keeps a job as a whole from completing. The first fault
    /// stays. Nobody begins work on it any more, and its finish will tell. From a
    /// holder whose lease was lost it changes nothing.
    async fn record_fault(&self, by: Holder<'_>, fault: &str) -> Result<(), StoreError>;

    /// The running jobs that have units nobody works on, oldest first.
    async fn runnable_jobs(&self) -> Result<Vec<JobId>, StoreError>;

    /// Leases the first unit of a running job that nobody works on.
    async fn claim_unit(
        &self,
        node: &NodeId,
        job: &JobId,
        term: Duration,
    ) -> Result<Option<UnitLease>, StoreError>;

    /// Records progress on units and extends or ends their leases. Tells for
    /// each report whether the lease was still held; where it was not, nothing
    /// of that report was recorded.
    async fn report(&self, reports: &[Report<'_>], term: Duration)
    -> Result<Vec<bool>, StoreError>;

    /// Those of `jobs` on which work is no longer wanted: a stop was asked for,
    /// a fault was found, or they ended.
    async fn unwanted(&self, jobs: &[JobId]) -> Result<Vec<JobId>, StoreError>;

    /// The units of a job that anybody ever worked on, after unit number `after`,
    /// in order: at most `limit`.
    async fn touched_units(
        &self,
        job: &JobId,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<Unit>, StoreError>;

    /// Ends a job, whose work ended in `outcome` and was kept from completing by
    /// `fault`, and gives its lease back.
    ///
    /// # Errors
    ///
    /// [`StoreError::LeaseLost`]; [`StoreError::Transition`] for an outcome the
    /// job cannot have.
    async fn finish(
        &self,
        lease: &JobLease,
        outcome: Outcome,
        fault: Option<&str>,
    ) -> Result<Job, StoreError>;

    /// Removes the units of ended jobs and the jobs that ended before
    /// `ended_before`: a bounded number. Tells whether there may be more.
    async fn clean_up(&self, ended_before: Option<Timestamp>) -> Result<bool, StoreError>;
}

/// Says that two requests are the same one: a hash of all they ask for.
pub type Fingerprint = [u8; 32];

/// A job to be recorded.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its name.
    pub id: JobId,
    /// Whose it is.
    pub owner: Owner,
    /// What was asked for.
    pub request: JobRequest,
    /// By which the caller may repeat the request safely.
    pub client_token: String,
    /// What was asked for under that token.
    pub fingerprint: Fingerprint,
}

/// Which jobs are listed, and in which order.
///
/// Jobs of the same moment are ordered by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobFilter {
    /// All, newest first.
    All,
    /// Those of this name, newest first.
    Named(String),
    /// Those in this state, newest first.
    InStatus(Status),
    /// Those submitted before this moment, oldest first.
    SubmittedBefore(Timestamp),
    /// Those submitted after this moment, newest first.
    SubmittedAfter(Timestamp),
}

/// The last job of a page, after which the next page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPosition {
    /// When it was submitted.
    pub submitted: Timestamp,
    /// Its name.
    pub id: JobId,
}

/// A part of the listing of a job's input.
#[derive(Clone, Debug, Default)]
pub struct ListedPart {
    /// The documents, in units, in key order.
    pub units: Vec<Vec<InputDocument>>,
    /// The last key that was seen, whether it was a document or not.
    pub cursor: Option<String>,
    /// Whether the listing is complete with this part.
    pub is_last: bool,
}

/// Why the store did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such job, or it is another owner's.
    #[error("no job with the id '{0}' exists")]
    NoSuchJob(JobId),
    /// The client token was used for another request.
    #[error("the client token '{0}' was used before with a different request")]
    TokenReused(String),
    /// No more jobs may wait.
    #[error("{0} jobs are waiting already, which is the limit: try again when some have begun")]
    QueueFull(u32),
    /// The lease ran out, or another holder took it.
    #[error("the lease was lost to another worker")]
    LeaseLost,
    /// A bug: the job cannot take this turn.
    #[error(transparent)]
    Transition(#[from] InvalidTransition),
    /// Another server uses the same data.
    #[error(
        "{0} is in use by another metaphrast server: stop that one, or choose another data folder"
    )]
    InUse(PathBuf),
    /// The data was written by a newer version.
    #[error(
        "the database {path} was written by a newer version of metaphrast (schema {schema}): \
         run that version, or choose another data folder"
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// The number of its newest migration.
        schema: i64,
    },
    /// The file is something else, or damaged.
    #[error("{0} is no database of metaphrast: move it away, or choose another data folder")]
    NoDatabase(PathBuf),
    /// The data can be read but not written.
    #[error("the database {0} cannot be written: check the permissions and the free space")]
    ReadOnly(PathBuf),
    /// What is stored cannot be understood.
    #[error("the stored {0} is damaged")]
    Damaged(&'static str),
    /// Anything else. Trying again may help.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(err: sqlx::Error) -> Self {
        Self::Database(err)
    }
}
