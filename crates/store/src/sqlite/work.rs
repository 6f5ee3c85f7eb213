//! Who works on what, on SQLite.

use std::time::Duration;

use async_trait::async_trait;
use domain::Timestamp;
use domain::job::{Event, Job, JobId, Outcome, Status};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::SqliteStore;
use super::rows::{JobRow, number, unit};
use super::units::{clean_units, faults, fence_units, find_unit, record};
use crate::encoding::pack_documents;
use crate::{
    Holder, JobLease, JobRoom, JobTask, ListedPart, NodeId, Report, StoreError, Unit, UnitLease,
    WorkStore,
};

/// How many jobs one cleaning removes at most, so that it never holds the writer for long.
const CLEANED_JOBS_MAX: i64 = 200;

#[async_trait]
impl WorkStore for SqliteStore {
    async fn claim_job(
        &self,
        node: &NodeId,
        term: Duration,
        running_max: u32,
        room: JobRoom,
    ) -> Result<Option<JobTask>, StoreError> {
        let now = self.now().0;
        let mut tx = self.begin().await?;
        let row = match find_finish(&mut tx, now, room).await? {
            Some(row) => Some(row),
            None => find_listing(&mut tx, now, running_max, room).await?,
        };
        let Some(row) = row else { return Ok(None) };
        let row = match JobRow::try_from(&row) {
            Ok(row) => row,
            Err(err) => {
                // Put aside for a while, so that it does not keep others from being claimed.
                put_aside(&mut tx, row.try_get("id")?, now + millis(term)).await?;
                tx.commit().await?;
                return Err(err);
            }
        };
        let epoch = row.lease_epoch + 1;
        let status = row.job.status.after(Event::Claimed)?;
        sqlx::query(
            "UPDATE job SET status = $2, lease_owner = $3, lease_epoch = $4, lease_until_ms = $5 \
             WHERE id = $1",
        )
        .bind(row.job.id.as_str())
        .bind(status.as_str())
        .bind(&node.0)
        .bind(epoch)
        .bind(now + millis(term))
        .execute(&mut *tx)
        .await?;
        let is_over = row.is_all_processed || row.fault.is_some() || status != Status::InProgress;
        if is_over {
            fence_units(&mut tx, &row.job.id).await?;
        }
        tx.commit().await?;
        let lease = JobLease { job: Job { status, ..row.job }, epoch };
        Ok(Some(if is_over {
            let outcome =
                Outcome::of_work(row.fault.is_some(), row.is_all_processed, row.with_errors);
            JobTask::Finish { lease, outcome, fault: row.fault }
        } else {
            JobTask::List {
                lease,
                cursor: row.cursor,
                documents: row.documents,
                input_bytes: row.input_bytes,
            }
        }))
    }

    async fn add_units(
        &self,
        lease: &JobLease,
        part: &ListedPart,
        term: Duration,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let first: i64 =
            sqlx::query_scalar("SELECT units FROM job WHERE id = $1 AND lease_epoch = $2")
                .bind(lease.job.id.as_str())
                .bind(lease.epoch)
                .fetch_optional(&mut *tx)
                .await?
                .ok_or(StoreError::LeaseLost)?;
        for (no, documents) in (first..).zip(&part.units) {
            sqlx::query(
                "INSERT INTO unit (job, no, documents, status) VALUES ($1, $2, $3, 'READY')",
            )
            .bind(lease.job.id.as_str())
            .bind(no)
            .bind(pack_documents(documents))
            .execute(&mut *tx)
            .await?;
        }
        let documents = part.units.iter().map(Vec::len).sum::<usize>();
        let bytes = part.units.iter().flatten().map(|document| document.size_bytes).sum::<u64>();
        // The last part ends the lease: finishing may begin at once.
        let until = if part.is_last { 0 } else { self.now().0 + millis(term) };
        sqlx::query(
            "UPDATE job SET units = units + $2, documents = documents + $3, \
             input_bytes = input_bytes + $4, list_cursor = coalesce($5, list_cursor), \
             is_listed = $6, lease_until_ms = $7 WHERE id = $1",
        )
        .bind(lease.job.id.as_str())
        .bind(number(part.units.len()))
        .bind(number(documents))
        .bind(number(bytes))
        .bind(&part.cursor)
        .bind(part.is_last)
        .bind(until)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn renew_job(&self, lease: &JobLease, term: Duration) -> Result<(), StoreError> {
        self.set_job_lease(lease, self.now().0 + millis(term)).await
    }

    async fn release_job(&self, lease: &JobLease) -> Result<(), StoreError> {
        self.set_job_lease(lease, 0).await
    }

    async fn record_fault(&self, by: Holder<'_>, fault: &str) -> Result<(), StoreError> {
        let (job, no, epoch) = match by {
            Holder::Job(lease) => (&lease.job.id, None, lease.epoch),
            Holder::Unit(lease) => (&lease.job.id, Some(lease.unit.no), lease.epoch),
        };
        let mut tx = self.begin().await?;
        sqlx::query(
            "UPDATE job SET fault = $2 WHERE id = $1 AND fault IS NULL AND ended_ms IS NULL \
             AND CASE WHEN $3 IS NULL THEN lease_epoch = $4 ELSE EXISTS ( \
               SELECT 1 FROM unit WHERE unit.job = $1 AND no = $3 AND epoch = $4 \
               AND unit.status = 'LEASED') END",
        )
        .bind(job.as_str())
        .bind(fault)
        .bind(no)
        .bind(epoch)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn runnable_jobs(&self) -> Result<Vec<JobId>, StoreError> {
        let ids = sqlx::query_scalar(
            "SELECT id FROM job WHERE status = 'IN_PROGRESS' AND fault IS NULL AND ( \
               EXISTS (SELECT 1 FROM unit INDEXED BY unit_by_status \
                       WHERE unit.job = job.id AND unit.status = 'READY') \
               OR EXISTS (SELECT 1 FROM unit INDEXED BY unit_by_status \
                          WHERE unit.job = job.id AND unit.status = 'LEASED' \
                          AND unit.lease_until_ms <= $1)) \
             ORDER BY submitted_ms, id",
        )
        .bind(self.now().0)
        .fetch_all(&self.reader)
        .await?;
        Ok(ids.into_iter().map(JobId).collect())
    }

    async fn claim_unit(
        &self,
        node: &NodeId,
        job: &JobId,
        term: Duration,
    ) -> Result<Option<UnitLease>, StoreError> {
        let now = self.now().0;
        let mut tx = self.begin().await?;
        let row = sqlx::query(
            "SELECT * FROM job WHERE id = $1 AND status = 'IN_PROGRESS' AND fault IS NULL",
        )
        .bind(job.as_str())
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let job = JobRow::try_from(&row)?.job;
        let Some(row) = find_unit(&mut tx, &job.id, now).await? else { return Ok(None) };
        let mut unit = unit(&row, job.request.targets.len())?;
        let epoch = row.try_get::<i64, _>("epoch")? + 1;
        // Who still holds the lease that ran out has vanished.
        let has_vanished = row.try_get::<&str, _>("status")? == "LEASED";
        let failed_attempts = row.try_get::<u32, _>("attempts")? + u32::from(has_vanished);
        sqlx::query(
            "UPDATE unit SET status = 'LEASED', owner = $3, epoch = $4, lease_until_ms = $5, \
             attempts = $6, was_abandoned = $7 WHERE job = $1 AND no = $2",
        )
        .bind(job.id.as_str())
        .bind(unit.no)
        .bind(&node.0)
        .bind(epoch)
        .bind(now + millis(term))
        .bind(failed_attempts)
        .bind(unit.was_abandoned)
        .execute(&mut *tx)
        .await?;
        unit.progress.faults = faults(&mut tx, &job.id, unit.no, unit.no).await?.1;
        tx.commit().await?;
        Ok(Some(UnitLease { job, epoch, failed_attempts, unit }))
    }

    async fn report(
        &self,
        reports: &[Report<'_>],
        term: Duration,
    ) -> Result<Vec<bool>, StoreError> {
        let until = self.now().0 + millis(term);
        let mut tx = self.begin().await?;
        let mut held = Vec::with_capacity(reports.len());
        for report in reports {
            held.push(record(&mut tx, report, until).await?);
        }
        tx.commit().await?;
        Ok(held)
    }

    async fn unwanted(&self, jobs: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let mut query = QueryBuilder::<Sqlite>::new(
            "SELECT id FROM job WHERE (status <> 'IN_PROGRESS' OR fault IS NOT NULL) AND id IN (",
        );
        let mut ids = query.separated(", ");
        for job in jobs {
            ids.push_bind(job.as_str());
        }
        query.push(")");
        let rows = query.build().fetch_all(&self.reader).await?;
        rows.iter().map(|row| Ok(JobId(row.try_get("id")?))).collect()
    }

    async fn touched_units(
        &self,
        job: &JobId,
        after: Option<u32>,
        limit: u32,
    ) -> Result<Vec<Unit>, StoreError> {
        let mut tx = self.reader.begin().await?;
        let targets: String = sqlx::query_scalar("SELECT targets FROM job WHERE id = $1")
            .bind(job.as_str())
            .fetch_optional(&mut *tx)
            .await?
            .ok_or_else(|| StoreError::NoSuchJob(job.clone()))?;
        let targets = targets.split(',').count();
        let rows = sqlx::query(
            "SELECT * FROM unit WHERE job = $1 AND no > $2 AND epoch > 0 ORDER BY no LIMIT $3",
        )
        .bind(job.as_str())
        .bind(after.map_or(-1, i64::from))
        .bind(limit)
        .fetch_all(&mut *tx)
        .await?;
        let mut units =
            rows.iter().map(|row| unit(row, targets)).collect::<Result<Vec<Unit>, _>>()?;
        if let (Some(first), Some(last)) = (units.first(), units.last()) {
            let (owners, faults) = faults(&mut tx, job, first.no, last.no).await?;
            for (no, fault) in owners.into_iter().zip(faults) {
                if let Some(unit) = units.iter_mut().find(|unit| unit.no == no) {
                    unit.progress.faults.push(fault);
                }
            }
        }
        tx.commit().await?;
        Ok(units)
    }

    async fn finish(
        &self,
        lease: &JobLease,
        outcome: Outcome,
        fault: Option<&str>,
    ) -> Result<Job, StoreError> {
        let mut tx = self.begin().await?;
        let row = sqlx::query("SELECT * FROM job WHERE id = $1 AND lease_epoch = $2")
            .bind(lease.job.id.as_str())
            .bind(lease.epoch)
            .fetch_optional(&mut *tx)
            .await?
            .ok_or(StoreError::LeaseLost)?;
        let mut job = JobRow::try_from(&row)?.job;
        job.status = job.status.after(Event::Finished(outcome))?;
        let ended = self.now().max(job.submitted);
        let row = sqlx::query(
            "UPDATE job SET status = $2, ended_ms = $3, message = $4, lease_owner = NULL, \
             lease_until_ms = 0 WHERE id = $1 RETURNING *",
        )
        .bind(job.id.as_str())
        .bind(job.status.as_str())
        .bind(ended.0)
        .bind(job.ending_message(fault))
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(JobRow::try_from(&row)?.job)
    }

    async fn clean_up(&self, ended_before: Option<Timestamp>) -> Result<bool, StoreError> {
        let mut tx = self.begin().await?;
        let units = clean_units(&mut tx).await?;
        let jobs = match ended_before {
            None => 0,
            Some(time) => sqlx::query(
                "DELETE FROM job WHERE id IN (SELECT id FROM job \
                 WHERE ended_ms IS NOT NULL AND ended_ms < $1 AND is_cleaned = 1 LIMIT $2)",
            )
            .bind(time.0)
            .bind(CLEANED_JOBS_MAX)
            .execute(&mut *tx)
            .await?
            .rows_affected(),
        };
        tx.commit().await?;
        Ok(units || jobs == CLEANED_JOBS_MAX.unsigned_abs())
    }
}

impl SqliteStore {
    async fn set_job_lease(&self, lease: &JobLease, until_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let updated = sqlx::query(
            "UPDATE job SET lease_until_ms = $3 WHERE id = $1 AND lease_epoch = $2 \
             AND lease_until_ms <> 0",
        )
        .bind(lease.job.id.as_str())
        .bind(lease.epoch)
        .bind(until_ms)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        match updated.rows_affected() {
            0 => Err(StoreError::LeaseLost),
            _ => Ok(()),
        }
    }
}

/// The oldest job whose work is over and that nobody finishes.
async fn find_finish(
    connection: &mut SqliteConnection,
    now: i64,
    room: JobRoom,
) -> Result<Option<SqliteRow>, StoreError> {
    if !room.finishes {
        return Ok(None);
    }
    let row = sqlx::query(
        "SELECT * FROM job WHERE status IN ('IN_PROGRESS', 'STOP_REQUESTED') \
         AND lease_until_ms <= $1 AND ((is_listed = 1 AND units_done = units) \
           OR ((status = 'STOP_REQUESTED' OR fault IS NOT NULL) AND NOT EXISTS ( \
             SELECT 1 FROM unit INDEXED BY unit_by_status WHERE unit.job = job.id \
             AND unit.status = 'LEASED' AND unit.lease_until_ms > $1))) \
         ORDER BY submitted_ms, id LIMIT 1",
    )
    .bind(now)
    .fetch_optional(connection)
    .await?;
    Ok(row)
}

/// The oldest job whose lister is gone; else the oldest that may begin.
async fn find_listing(
    connection: &mut SqliteConnection,
    now: i64,
    running_max: u32,
    room: JobRoom,
) -> Result<Option<SqliteRow>, StoreError> {
    if !room.lists {
        return Ok(None);
    }
    let unlisted = sqlx::query(
        "SELECT * FROM job WHERE status = 'IN_PROGRESS' AND is_listed = 0 AND fault IS NULL \
         AND lease_until_ms <= $1 ORDER BY submitted_ms, id LIMIT 1",
    )
    .bind(now)
    .fetch_optional(&mut *connection)
    .await?;
    if unlisted.is_some() {
        return Ok(unlisted);
    }
    let submitted = sqlx::query(
        "SELECT * FROM job WHERE status = 'SUBMITTED' AND (account, region) NOT IN ( \
           SELECT account, region FROM job WHERE status IN ('IN_PROGRESS', 'STOP_REQUESTED') \
           GROUP BY account, region HAVING count(*) >= $1) \
         AND lease_until_ms <= $2 ORDER BY submitted_ms, id LIMIT 1",
    )
    .bind(running_max)
    .bind(now)
    .fetch_optional(connection)
    .await?;
    Ok(submitted)
}

/// Lets nobody claim a job until then.
async fn put_aside(
    connection: &mut SqliteConnection,
    job: &str,
    until_ms: i64,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE job SET lease_until_ms = $2 WHERE id = $1")
        .bind(job)
        .bind(until_ms)
        .execute(connection)
        .await?;
    Ok(())
}

fn millis(duration: Duration) -> i64 {
    number(duration.as_millis())
}
