//! Listing a job's input into units of work.

use domain::job::{InputDocument, InputTally, Job};
use objects::{ObjectInfo, ObjectsError, Page};
use store::{Holder, JobLease, ListedPart, StoreError};

use super::held::Stop;
use super::retry::retried;
use super::{LEASE_TERM, Runner, access};

const KEYS_PER_PAGE: usize = 1_000;
/// A unit has about this many documents or bytes, whichever comes first.
const UNIT_DOCUMENTS_MAX: usize = 100;
const UNIT_BYTES_MAX: u64 = 1 << 20;

/// Why a listing ended early.
enum Interrupted {
    /// The work is no longer wanted here.
    GivenUp,
    /// The job cannot go on, and this is what its owner is told.
    Fault(String),
    /// The store failed or the lease is another's; whoever claims the job next goes on.
    Store(StoreError),
}

impl Runner {
    pub(super) async fn list(
        &self,
        lease: &JobLease,
        cursor: Option<String>,
        documents: u64,
        bytes: u64,
        stop: &Stop,
    ) {
        tracing::info!(job.id = %lease.job.id, "listing the input");
        let tally = InputTally { documents, bytes };
        let result = match self.list_pages(lease, cursor, tally, stop).await {
            Ok(tally) => {
                tracing::info!(job.id = %lease.job.id, documents = tally.documents, "listed");
                return;
            }
            Err(Interrupted::Fault(fault)) => {
                self.store.record_fault(Holder::Job(lease), &fault).await
            }
            Err(Interrupted::GivenUp) => Ok(()),
            Err(Interrupted::Store(err)) => Err(err),
        };
        let released = self.store.release_job(lease).await;
        match result.and(released) {
            Ok(()) | Err(StoreError::LeaseLost) => (),
            Err(err) => {
                tracing::error!(job.id = %lease.job.id, error = %err, cause = ?err, "could not list");
            }
        }
    }

    async fn list_pages(
        &self,
        lease: &JobLease,
        mut cursor: Option<String>,
        mut tally: InputTally,
        stop: &Stop,
    ) -> Result<InputTally, Interrupted> {
        loop {
            if stop.is_raised() {
                return Err(Interrupted::GivenUp);
            }
            let page = match self.page(&lease.job, cursor.as_deref(), stop).await {
                Ok(page) => page,
                // Tried no more because of the stop: whoever goes on may find it well.
                Err(_) if stop.is_raised() => return Err(Interrupted::GivenUp),
                Err(err) => {
                    let fault = format!("The input folder could not be listed: {err}");
                    return Err(Interrupted::Fault(fault));
                }
            };
            if let Some(last) = page.objects.last() {
                cursor = Some(last.key.clone());
            }
            let is_last = !page.is_truncated;
            let units = units(&lease.job, page.objects, &mut tally).map_err(Interrupted::Fault)?;
            if is_last && tally.documents == 0 {
                // Start saw some; they are gone.
                return Err(Interrupted::Fault(
                    "The input folder could not be listed: it holds no documents any more"
                        .to_owned(),
                ));
            }
            let part = ListedPart { units, cursor: cursor.clone(), is_last };
            self.store.add_units(lease, &part, LEASE_TERM).await.map_err(Interrupted::Store)?;
            // The units can be worked on while the listing goes on.
            self.look.notify_one();
            if is_last {
                return Ok(tally);
            }
        }
    }

    async fn page(
        &self,
        job: &Job,
        cursor: Option<&str>,
        stop: &Stop,
    ) -> Result<Page, ObjectsError> {
        let (access, input) = (access(job), &job.request.input);
        let folder = input.folder();
        retried(stop, || self.objects.list(&access, input.bucket(), &folder, cursor, KEYS_PER_PAGE))
            .await
    }
}

/// The documents of a page, in units. The job's own output is not its input,
/// even where it lies inside the input folder.
fn units(
    job: &Job,
    objects: Vec<ObjectInfo>,
    tally: &mut InputTally,
) -> Result<Vec<Vec<InputDocument>>, String> {
    let folder = job.request.input.folder();
    let output = job.output_folder();
    let own_output = (output.bucket() == job.request.input.bucket()).then(|| output.folder());
    let (mut units, mut unit, mut unit_bytes) = (Vec::new(), Vec::new(), 0);
    for object in objects {
        if own_output.as_deref().is_some_and(|output| object.key.starts_with(output)) {
            continue;
        }
        let path = &object.key[folder.len()..];
        if !tally.add(path, object.size_bytes).map_err(|fault| fault.to_string())? {
            continue;
        }
        let is_full = unit.len() == UNIT_DOCUMENTS_MAX
            || (!unit.is_empty() && UNIT_BYTES_MAX < unit_bytes + object.size_bytes);
        if is_full {
            units.push(std::mem::take(&mut unit));
            unit_bytes = 0;
        }
        unit_bytes += object.size_bytes;
        unit.push(InputDocument {
            path: path.to_owned(),
            size_bytes: object.size_bytes,
            etag: object.etag,
        });
    }
    if !unit.is_empty() {
        units.push(unit);
    }
    Ok(units)
}
