//! Who works on what, on SQLite.

use std::time::Duration;

use async_trait::async_trait;
use domain::Timestamp;
use domain::job::{DocumentFault, Event, FaultCode, Job, JobId, Outcome, Status};
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::SqliteStore;
use super::rows::{JobRow, number, unit};
use crate::encoding::{join_languages, join_numbers, pack_documents, pack_flags};
use crate::{
    JobLease, JobTask, ListedPart, NodeId, Report, ReportEnd, StoreError, TargetFault, Unit,
    UnitLease, WorkStore,
};

/// How many rows one cleaning removes at most, so that it never holds the writer for long.
const CLEANED_ROWS_MAX: i64 = 200;

// A unit is READY, LEASED or DONE.

#[async_trait]
impl WorkStore for SqliteStore {
    async fn claim_job(
        &self,
        node: &NodeId,
        term: Duration,
        running_max: u32,
    ) -> Result<Option<JobTask>, StoreError> {
        let now = self.now().0;
        let mut tx = self.begin().await?;
        let Some(row) = find_task(&mut tx, now, running_max).await? else { return Ok(None) };
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
        tx.commit().await?;
        let is_over = row.is_all_processed || row.fault.is_some() || status != Status::InProgress;
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

    async fn record_fault(&self, job: &JobId, fault: &str) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "UPDATE job SET fault = $2 WHERE id = $1 AND fault IS NULL AND ended_ms IS NULL",
        )
        .bind(job.as_str())
        .bind(fault)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    async fn runnable_jobs(&self) -> Result<Vec<JobId>, StoreError> {
        let ids = sqlx::query_scalar(
            "SELECT id FROM job WHERE status = 'IN_PROGRESS' AND fault IS NULL AND ( \
               EXISTS (SELECT 1 FROM unit WHERE job = job.id AND status = 'READY') \
               OR EXISTS (SELECT 1 FROM unit WHERE unit.job = job.id AND unit.status = 'LEASED' \
                          AND lease_until_ms <= $1)) \
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
        let row = sqlx::query(
            "SELECT * FROM unit WHERE job = $1 AND (status = 'READY' \
               OR (status = 'LEASED' AND lease_until_ms <= $2)) ORDER BY no LIMIT 1",
        )
        .bind(job.id.as_str())
        .bind(now)
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(None) };
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
            .bind(CLEANED_ROWS_MAX)
            .execute(&mut *tx)
            .await?
            .rows_affected(),
        };
        tx.commit().await?;
        Ok(units || jobs == CLEANED_ROWS_MAX.unsigned_abs())
    }
}

impl SqliteStore {
    async fn set_job_lease(&self, lease: &JobLease, until_ms: i64) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        let updated = sqlx::query(
            "UPDATE job SET lease_until_ms = $3 WHERE id = $1 AND lease_epoch = $2 \
             AND ended_ms IS NULL",
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

/// The job that is to be finished, listed on, or begun, in this order.
async fn find_task(
    connection: &mut SqliteConnection,
    now: i64,
    running_max: u32,
) -> Result<Option<JobRow>, StoreError> {
    let over = sqlx::query(
        "SELECT * FROM job WHERE status IN ('IN_PROGRESS', 'STOP_REQUESTED') \
         AND lease_until_ms <= $1 AND ((is_listed = 1 AND units_done = units) \
           OR ((status = 'STOP_REQUESTED' OR fault IS NOT NULL) AND NOT EXISTS ( \
             SELECT 1 FROM unit WHERE unit.job = job.id AND unit.status = 'LEASED' \
             AND unit.lease_until_ms > $1))) \
         ORDER BY submitted_ms, id LIMIT 1",
    )
    .bind(now)
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(row) = over {
        return Ok(Some(JobRow::try_from(&row)?));
    }
    let unlisted = sqlx::query(
        "SELECT * FROM job WHERE status = 'IN_PROGRESS' AND is_listed = 0 AND fault IS NULL \
         AND lease_until_ms <= $1 ORDER BY submitted_ms, id LIMIT 1",
    )
    .bind(now)
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(row) = unlisted {
        return Ok(Some(JobRow::try_from(&row)?));
    }
    let submitted = sqlx::query(
        "SELECT * FROM job AS waiting WHERE status = 'SUBMITTED' AND $1 > ( \
           SELECT count(*) FROM job WHERE status IN ('IN_PROGRESS', 'STOP_REQUESTED') \
           AND account = waiting.account AND region = waiting.region) \
         ORDER BY submitted_ms, id LIMIT 1",
    )
    .bind(running_max)
    .fetch_optional(&mut *connection)
    .await?;
    submitted.map(|row| JobRow::try_from(&row)).transpose()
}

/// Records one report if its lease is still held.
async fn record(
    connection: &mut SqliteConnection,
    report: &Report<'_>,
    until: i64,
) -> Result<bool, StoreError> {
    // A job that ended takes nothing more, even from a lease nobody has taken over.
    let row = sqlx::query(
        "SELECT unit.status, unit.translated, unit.with_errors, unit.attempts FROM unit \
         JOIN job ON job.id = unit.job \
         WHERE unit.job = $1 AND unit.no = $2 AND unit.epoch = $3 AND unit.status = 'LEASED' \
         AND job.ended_ms IS NULL",
    )
    .bind(report.job.as_str())
    .bind(report.no)
    .bind(report.epoch)
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(false) };
    let (translated, with_errors): (i64, i64) =
        (row.try_get("translated")?, row.try_get("with_errors")?);
    let progress = report.progress;
    let (now_translated, now_with_errors) =
        (number(progress.translated()), number(progress.with_errors()));
    let has_advanced = translated + with_errors < now_translated + now_with_errors;
    let (status, until) = match report.end {
        ReportEnd::Working => ("LEASED", until),
        ReportEnd::Released if progress.is_complete() => ("DONE", 0),
        ReportEnd::Released => ("READY", 0),
    };
    let attempts: i64 = if has_advanced { 0 } else { row.try_get("attempts")? };
    sqlx::query(
        "UPDATE unit SET status = $3, lease_until_ms = $4, attempts = $5, done = $6, \
         translated = $7, with_errors = $8, characters = $9, languages = $10 \
         WHERE job = $1 AND no = $2",
    )
    .bind(report.job.as_str())
    .bind(report.no)
    .bind(status)
    .bind(until)
    .bind(attempts)
    .bind(pack_flags(&progress.done))
    .bind(now_translated)
    .bind(now_with_errors)
    .bind(join_numbers(&progress.characters))
    .bind((!progress.languages.is_empty()).then(|| join_languages(&progress.languages)))
    .execute(&mut *connection)
    .await?;
    for fault in &progress.faults {
        insert_fault(connection, report, fault).await?;
    }
    sqlx::query(
        "UPDATE job SET translated = translated + $2, with_errors = with_errors + $3, \
         units_done = units_done + $4 WHERE id = $1",
    )
    .bind(report.job.as_str())
    .bind(now_translated - translated)
    .bind(now_with_errors - with_errors)
    .bind(i64::from(status == "DONE"))
    .execute(&mut *connection)
    .await?;
    Ok(true)
}

async fn insert_fault(
    connection: &mut SqliteConnection,
    report: &Report<'_>,
    fault: &TargetFault,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO document_fault (job, unit, document, target, code, message) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
    )
    .bind(report.job.as_str())
    .bind(report.no)
    .bind(number(fault.document))
    .bind(number(fault.target))
    .bind(fault.fault.code.as_str())
    .bind(&fault.fault.message)
    .execute(connection)
    .await?;
    Ok(())
}

/// The faults of units `first` to `last`, and beside them the units they belong to.
async fn faults(
    connection: &mut SqliteConnection,
    job: &JobId,
    first: u32,
    last: u32,
) -> Result<(Vec<u32>, Vec<TargetFault>), StoreError> {
    let rows = sqlx::query(
        "SELECT * FROM document_fault WHERE job = $1 AND unit BETWEEN $2 AND $3 \
         ORDER BY unit, document, target",
    )
    .bind(job.as_str())
    .bind(first)
    .bind(last)
    .fetch_all(connection)
    .await?;
    let index = |number: u32| usize::try_from(number).map_err(|_| StoreError::Damaged("fault"));
    rows.iter()
        .map(|row| {
            let code = FaultCode::from_name(row.try_get("code")?);
            let fault = DocumentFault {
                code: code.ok_or(StoreError::Damaged("fault"))?,
                message: row.try_get("message")?,
            };
            let (document, target) = (row.try_get("document")?, row.try_get("target")?);
            let fault = TargetFault { document: index(document)?, target: index(target)?, fault };
            Ok((row.try_get("unit")?, fault))
        })
        .collect::<Result<Vec<(u32, TargetFault)>, StoreError>>()
        .map(|pairs| pairs.into_iter().unzip())
}

/// Removes units of one ended job; tells whether there may be more.
async fn clean_units(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let job: Option<String> = sqlx::query_scalar(
        "SELECT id FROM job WHERE ended_ms IS NOT NULL AND is_cleaned = 0 LIMIT 1",
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(job) = job else { return Ok(false) };
    let deleted = sqlx::query(
        "DELETE FROM unit WHERE job = $1 AND no IN \
         (SELECT no FROM unit WHERE job = $1 ORDER BY no LIMIT $2)",
    )
    .bind(&job)
    .bind(CLEANED_ROWS_MAX)
    .execute(&mut *connection)
    .await?;
    if deleted.rows_affected() < CLEANED_ROWS_MAX.unsigned_abs() {
        sqlx::query("UPDATE job SET is_cleaned = 1 WHERE id = $1")
            .bind(&job)
            .execute(connection)
            .await?;
    }
    Ok(true)
}

fn millis(duration: Duration) -> i64 {
    number(duration.as_millis())
}
