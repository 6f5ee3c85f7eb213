//! From rows to what they mean, and back.

use domain::Timestamp;
use domain::job::{
    ContentType, Counts, EncryptionKey, Formality, Job, JobId, JobRequest, Owner, Settings, Source,
    Status,
};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::encoding::{
    split, split_languages, split_numbers, split_untranslated, unpack_documents, unpack_flags,
};
use crate::{Progress, StoreError, Unit};

/// A job, with what only the store and the runner care for.
pub(super) struct JobRow {
    pub(super) job: Job,
    pub(super) fingerprint: Vec<u8>,
    pub(super) lease_epoch: i64,
    pub(super) cursor: Option<String>,
    pub(super) is_all_processed: bool,
    pub(super) documents: u64,
    pub(super) input_bytes: u64,
    pub(super) with_errors: u64,
    pub(super) fault: Option<String>,
}

impl TryFrom<&SqliteRow> for JobRow {
    type Error = StoreError;

    fn try_from(row: &SqliteRow) -> Result<Self, StoreError> {
        let status =
            Status::from_name(row.try_get("status")?).ok_or(StoreError::Damaged("status"))?;
        let counts = Counts {
            documents: count(row, "documents")?,
            translated: count(row, "translated")?,
            with_errors: count(row, "with_errors")?,
        };
        let is_listed: bool = row.try_get("is_listed")?;
        let lease_epoch: i64 = row.try_get("lease_epoch")?;
        // A job that ended before its input was listed shows what was found;
        // one that nobody ever picked up has nothing to show.
        let has_counts = is_listed || (status.is_terminal() && 0 < lease_epoch);
        let units: i64 = row.try_get("units")?;
        let units_done: i64 = row.try_get("units_done")?;
        Ok(Self {
            job: Job {
                id: JobId(row.try_get("id")?),
                owner: Owner { account: row.try_get("account")?, region: row.try_get("region")? },
                request: request(row)?,
                status,
                counts: has_counts.then_some(counts),
                message: row.try_get("message")?,
                submitted: Timestamp(row.try_get("submitted_ms")?),
                stop_asked: row.try_get::<Option<i64>, _>("stop_asked_ms")?.map(Timestamp),
                ended: row.try_get::<Option<i64>, _>("ended_ms")?.map(Timestamp),
            },
            fingerprint: row.try_get("fingerprint")?,
            lease_epoch,
            cursor: row.try_get("list_cursor")?,
            is_all_processed: is_listed && units == units_done,
            documents: counts.documents,
            input_bytes: count(row, "input_bytes")?,
            with_errors: counts.with_errors,
            fault: row.try_get("fault")?,
        })
    }
}

fn request(row: &SqliteRow) -> Result<JobRequest, StoreError> {
    let location = |column: &'static str| {
        row.try_get::<&str, _>(column)?.parse().map_err(|_| StoreError::Damaged("location"))
    };
    let names = |column: &'static str| -> Result<Vec<String>, StoreError> {
        Ok(split(row.try_get(column)?).map(str::to_owned).collect())
    };
    let damaged_language = |_| StoreError::Damaged("language");
    Ok(JobRequest {
        name: row.try_get("name")?,
        input: location("input_uri")?,
        content_type: ContentType::from_name(row.try_get("content_type")?)
            .ok_or(StoreError::Damaged("content type"))?,
        output: location("output_uri")?,
        encryption_key: row
            .try_get::<Option<String>, _>("kms_key_id")?
            .map(|id| EncryptionKey { id }),
        role_arn: row.try_get("role_arn")?,
        source: Source::from_name(row.try_get("source")?).map_err(damaged_language)?,
        targets: split(row.try_get("targets")?)
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(damaged_language)?,
        terminologies: names("terminologies")?,
        parallel_data: names("parallel_data")?,
        settings: row.try_get::<Option<&str>, _>("settings")?.map(read_settings),
    })
}

pub(super) fn write_settings(settings: Settings) -> String {
    let formality = settings.formality.map(|formality| match formality {
        Formality::Formal => "FORMAL",
        Formality::Informal => "INFORMAL",
    });
    let mask = settings.masks_profanity.then_some("MASK");
    let brief = settings.is_brief.then_some("BRIEF");
    [formality, mask, brief].into_iter().flatten().collect::<Vec<_>>().join(",")
}

fn read_settings(text: &str) -> Settings {
    let mut settings = Settings::default();
    for word in split(text) {
        match word {
            "FORMAL" => settings.formality = Some(Formality::Formal),
            "INFORMAL" => settings.formality = Some(Formality::Informal),
            "MASK" => settings.masks_profanity = true,
            "BRIEF" => settings.is_brief = true,
            // A word of a newer version: that schema would not have been opened.
            _ => (),
        }
    }
    settings
}

/// A unit without its faults, which are rows of their own.
pub(super) fn unit(row: &SqliteRow, targets: usize) -> Result<Unit, StoreError> {
    let documents = unpack_documents(row.try_get("documents")?)?;
    let mut progress = Progress::new(documents.len(), targets);
    if let Some(done) = row.try_get::<Option<&[u8]>, _>("done")? {
        progress.done = unpack_flags(done, documents.len())?;
    }
    if let Some(characters) = row.try_get::<Option<&str>, _>("characters")? {
        progress.characters = split_numbers(characters)?;
    }
    if let Some(languages) = row.try_get::<Option<&str>, _>("languages")? {
        progress.languages = split_languages(languages)?;
    }
    if let Some(untranslated) = row.try_get::<Option<&str>, _>("untranslated")? {
        progress.untranslated = split_untranslated(untranslated)?;
    }
    let status: &str = row.try_get("status")?;
    Ok(Unit {
        no: row.try_get("no")?,
        documents,
        progress,
        was_abandoned: row.try_get::<bool, _>("was_abandoned")? || status == "LEASED",
    })
}

/// A number that is never negative.
pub(super) fn count(row: &SqliteRow, column: &'static str) -> Result<u64, StoreError> {
    u64::try_from(row.try_get::<i64, _>(column)?).map_err(|_| StoreError::Damaged("count"))
}

/// A number as the database takes it. Nothing that is counted comes near the limit.
pub(super) fn number(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_back() {
        for formality in [None, Some(Formality::Formal), Some(Formality::Informal)] {
            for masks_profanity in [false, true] {
                let settings = Settings { formality, masks_profanity, is_brief: !masks_profanity };
                assert_eq!(read_settings(&write_settings(settings)), settings);
            }
        }
    }
}
