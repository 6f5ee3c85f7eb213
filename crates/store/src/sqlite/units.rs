//! The units of jobs, on SQLite: finding one, recording on it, removing it.
//!
//! A unit is `READY`, `LEASED` or `DONE`. Its row holds blobs, so whoever looks
//! for a status names the index: the planner would read all rows of the job.

use domain::job::{DocumentFault, FaultCode, JobId};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::rows::number;
use crate::encoding::{join_languages, join_numbers, join_untranslated, pack_flags, unpack_flags};
use crate::{Report, ReportEnd, StoreError, TargetFault};

/// How many rows one cleaning removes at most, so that it never holds the writer for long.
const CLEANED_UNITS_MAX: i64 = 200;
const CLEANED_FAULTS_MAX: i64 = 2_000;

/// The first unit of a job whose lease ran out; else the first that is ready.
pub(super) async fn find_unit(
    connection: &mut SqliteConnection,
    job: &JobId,
    now: i64,
) -> Result<Option<SqliteRow>, StoreError> {
    let lapsed = sqlx::query(
        "SELECT * FROM unit INDEXED BY unit_by_status WHERE job = $1 AND status = 'LEASED' \
         AND lease_until_ms <= $2 ORDER BY no LIMIT 1",
    )
    .bind(job.as_str())
    .bind(now)
    .fetch_optional(&mut *connection)
    .await?;
    if lapsed.is_some() {
        return Ok(lapsed);
    }
    let ready = sqlx::query(
        "SELECT * FROM unit INDEXED BY unit_by_status WHERE job = $1 AND status = 'READY' \
         ORDER BY no LIMIT 1",
    )
    .bind(job.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(ready)
}

/// Voids the leases of a job that is being finished. They had run out, and yet
/// their holders may live and would write what the finish has counted already.
pub(super) async fn fence_units(
    connection: &mut SqliteConnection,
    job: &JobId,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE unit INDEXED BY unit_by_status \
         SET status = 'READY', epoch = epoch + 1, was_abandoned = 1 \
         WHERE job = $1 AND status = 'LEASED'",
    )
    .bind(job.as_str())
    .execute(connection)
    .await?;
    Ok(())
}

/// Records one report if its lease is still held.
pub(super) async fn record(
    connection: &mut SqliteConnection,
    report: &Report<'_>,
    until: i64,
) -> Result<bool, StoreError> {
    // A job that ended takes nothing more, even from a lease nobody has taken over.
    let row = sqlx::query(
        "SELECT unit.translated, unit.with_errors, unit.attempts, unit.done FROM unit \
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
         translated = $7, with_errors = $8, characters = $9, languages = $10, untranslated = $11 \
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
    .bind((!progress.untranslated.is_empty()).then(|| join_untranslated(&progress.untranslated)))
    .execute(&mut *connection)
    .await?;
    let recorded = match row.try_get::<Option<&[u8]>, _>("done")? {
        Some(done) => unpack_flags(done, progress.done.len())?,
        None => vec![false; progress.done.len()],
    };
    for fault in progress.faults.iter().filter(|fault| !recorded[fault.document]) {
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
pub(super) async fn faults(
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

/// Removes faults and units of one ended job; tells whether there may be more.
pub(super) async fn clean_units(connection: &mut SqliteConnection) -> Result<bool, StoreError> {
    let job: Option<String> = sqlx::query_scalar(
        "SELECT id FROM job WHERE ended_ms IS NOT NULL AND is_cleaned = 0 LIMIT 1",
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(job) = job else { return Ok(false) };
    let faults = sqlx::query(
        "DELETE FROM document_fault WHERE (job, unit, document, target) IN \
         (SELECT job, unit, document, target FROM document_fault WHERE job = $1 LIMIT $2)",
    )
    .bind(&job)
    .bind(CLEANED_FAULTS_MAX)
    .execute(&mut *connection)
    .await?;
    if faults.rows_affected() == CLEANED_FAULTS_MAX.unsigned_abs() {
        return Ok(true);
    }
    let units = sqlx::query(
        "DELETE FROM unit WHERE job = $1 AND no IN \
         (SELECT no FROM unit WHERE job = $1 ORDER BY no LIMIT $2)",
    )
    .bind(&job)
    .bind(CLEANED_UNITS_MAX)
    .execute(&mut *connection)
    .await?;
    if units.rows_affected() < CLEANED_UNITS_MAX.unsigned_abs() {
        sqlx::query("UPDATE job SET is_cleaned = 1 WHERE id = $1")
            .bind(&job)
            .execute(connection)
            .await?;
    }
    Ok(true)
}
