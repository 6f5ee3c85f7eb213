//! The durable list of jobs, on SQLite.

use async_trait::async_trait;
use domain::job::{Event, Job, JobId, Owner, Status};
use sqlx::{QueryBuilder, Row, Sqlite, Transaction};

use super::SqliteStore;
use super::rows::{JobRow, count, number, write_settings};
use crate::{Fingerprint, JobFilter, JobStore, ListPosition, NewJob, StoreError};

#[async_trait]
impl JobStore for SqliteStore {
    async fn submit(&self, new: NewJob, queued_max: u32) -> Result<Job, StoreError> {
        let mut tx = self.begin().await?;
        if let Some(job) =
            find_by_token(&mut *tx, &new.owner, &new.client_token, &new.fingerprint).await?
        {
            return Ok(job);
        }
        let queued: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM job WHERE account = $1 AND region = $2 AND status = $3",
        )
        .bind(&new.owner.account)
        .bind(&new.owner.region)
        .bind(Status::Submitted.as_str())
        .fetch_one(&mut *tx)
        .await?;
        if i64::from(queued_max) <= queued {
            return Err(StoreError::QueueFull(queued_max));
        }
        let job = insert(&mut tx, &new, self.now().0).await?;
        tx.commit().await?;
        Ok(job)
    }

    async fn submitted_before(
        &self,
        owner: &Owner,
        client_token: &str,
        fingerprint: &Fingerprint,
    ) -> Result<Option<Job>, StoreError> {
        find_by_token(&self.reader, owner, client_token, fingerprint).await
    }

    async fn job(&self, owner: &Owner, id: &JobId) -> Result<Job, StoreError> {
        let row = sqlx::query("SELECT * FROM job WHERE id = $1 AND account = $2 AND region = $3")
            .bind(id.as_str())
            .bind(&owner.account)
            .bind(&owner.region)
            .fetch_optional(&self.reader)
            .await?
            .ok_or_else(|| StoreError::NoSuchJob(id.clone()))?;
        Ok(JobRow::try_from(&row)?.job)
    }

    async fn list(
        &self,
        owner: &Owner,
        filter: &JobFilter,
        after: Option<&ListPosition>,
        limit: u32,
    ) -> Result<Vec<Job>, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM job WHERE account = ");
        query.push_bind(owner.account.as_str()).push(" AND region = ").push_bind(&owner.region);
        let is_ascending = match filter {
            JobFilter::All => false,
            JobFilter::Named(name) => {
                query.push(" AND name = ").push_bind(name.as_str());
                false
            }
            JobFilter::InStatus(status) => {
                query.push(" AND status = ").push_bind(status.as_str());
                false
            }
            JobFilter::SubmittedBefore(time) => {
                query.push(" AND submitted_ms < ").push_bind(time.0);
                true
            }
            JobFilter::SubmittedAfter(time) => {
                query.push(" AND submitted_ms > ").push_bind(time.0);
                false
            }
        };
        if let Some(ListPosition { submitted, id }) = after {
            let beyond = if is_ascending { ">" } else { "<" };
            query.push(" AND (submitted_ms ").push(beyond).push_bind(submitted.0);
            query.push(" OR (submitted_ms = ").push_bind(submitted.0);
            query.push(" AND id > ").push_bind(id.as_str()).push("))");
        }
        let order = if is_ascending { "ASC" } else { "DESC" };
        query.push(" ORDER BY submitted_ms ").push(order).push(", id LIMIT ").push_bind(limit);
        let rows = query.build().fetch_all(&self.reader).await?;
        rows.iter().map(|row| Ok(JobRow::try_from(row)?.job)).collect()
    }

    async fn request_stop(&self, owner: &Owner, id: &JobId) -> Result<Job, StoreError> {
        let mut tx = self.begin().await?;
        let row = sqlx::query("SELECT * FROM job WHERE id = $1 AND account = $2 AND region = $3")
            .bind(id.as_str())
            .bind(&owner.account)
            .bind(&owner.region)
            .fetch_optional(&mut *tx)
            .await?
            .ok_or_else(|| StoreError::NoSuchJob(id.clone()))?;
        let mut job = JobRow::try_from(&row)?.job;
        let status = job.status.after(Event::StopAsked)?;
        if status == job.status {
            return Ok(job);
        }
        job.status = status;
        let now = self.now().max(job.submitted);
        job.stop_asked = Some(now);
        if status.is_terminal() {
            job.ended = Some(now);
            job.message = Some(job.ending_message(None));
        }
        sqlx::query(
            "UPDATE job SET status = $2, stop_asked_ms = $3, ended_ms = $4, message = $5 \
             WHERE id = $1",
        )
        .bind(job.id.as_str())
        .bind(status.as_str())
        .bind(now.0)
        .bind(job.ended.map(|time| time.0))
        .bind(&job.message)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(job)
    }

    async fn count_by_status(&self) -> Result<Vec<(Status, u64)>, StoreError> {
        let rows = sqlx::query("SELECT status, count(*) AS jobs FROM job GROUP BY status")
            .fetch_all(&self.reader)
            .await?;
        rows.iter()
            .map(|row| {
                let status = Status::from_name(row.try_get("status")?);
                Ok((status.ok_or(StoreError::Damaged("status"))?, count(row, "jobs")?))
            })
            .collect()
    }

    async fn secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], StoreError> {
        let mut tx = self.begin().await?;
        sqlx::query("INSERT INTO secret (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .bind(name)
            .bind(&fresh[..])
            .execute(&mut *tx)
            .await?;
        let value: Vec<u8> = sqlx::query_scalar("SELECT value FROM secret WHERE name = $1")
            .bind(name)
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        value.try_into().map_err(|_| StoreError::Damaged("secret"))
    }
}

async fn find_by_token<'c>(
    executor: impl sqlx::Executor<'c, Database = Sqlite>,
    owner: &Owner,
    client_token: &str,
    fingerprint: &Fingerprint,
) -> Result<Option<Job>, StoreError> {
    let row =
        sqlx::query("SELECT * FROM job WHERE account = $1 AND region = $2 AND client_token = $3")
            .bind(&owner.account)
            .bind(&owner.region)
            .bind(client_token)
            .fetch_optional(executor)
            .await?;
    let Some(row) = row else { return Ok(None) };
    let found = JobRow::try_from(&row)?;
    if found.fingerprint != fingerprint {
        return Err(StoreError::TokenReused(client_token.to_owned()));
    }
    Ok(Some(found.job))
}

async fn insert(
    tx: &mut Transaction<'static, Sqlite>,
    new: &NewJob,
    submitted_ms: i64,
) -> Result<Job, StoreError> {
    let request = &new.request;
    let codes: Vec<&str> = request.targets.iter().map(|target| target.as_str()).collect();
    let row = sqlx::query(
        "INSERT INTO job (id, account, region, client_token, fingerprint, name, input_uri, \
         content_type, output_uri, kms_key_id, role_arn, source, targets, terminologies, \
         parallel_data, settings, status, submitted_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) \
         RETURNING *",
    )
    .bind(new.id.as_str())
    .bind(&new.owner.account)
    .bind(&new.owner.region)
    .bind(&new.client_token)
    .bind(&new.fingerprint[..])
    .bind(&request.name)
    .bind(request.input.as_str())
    .bind(request.content_type.as_str())
    .bind(request.output.as_str())
    .bind(request.encryption_key.as_ref().map(|key| key.id.as_str()))
    .bind(&request.role_arn)
    .bind(request.source.as_str())
    .bind(codes.join(","))
    .bind(request.terminologies.join(","))
    .bind(request.parallel_data.join(","))
    .bind(request.settings.map(write_settings))
    .bind(Status::Submitted.as_str())
    .bind(number(submitted_ms))
    .fetch_one(&mut **tx)
    .await?;
    Ok(JobRow::try_from(&row)?.job)
}
