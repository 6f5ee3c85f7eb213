//! `StartTextTranslationJob`: records a job that translates a folder of documents.
//!
//! What can be known at once is refused at once: a language nobody serves, a
//! folder that cannot be listed or is empty, a place that cannot be written.
//! The checks stand in the order of the API specification.

use bytes::Bytes;
use domain::job::{
    DETAILS_KEY_BYTES_MAX, Draft, InputTally, JobId, JobRequest, Source, WRITE_CHECK,
};
use domain::language::LanguagePair;
use domain::location::InvalidS3Location;
use objects::{Access, ObjectsError, PutOptions};
use serde::{Deserialize, Serialize};
use store::{Fingerprint, NewJob};
use uuid::Uuid;

use crate::api::error::ApiError;
use crate::api::shapes::{InputDataConfig, OutputDataConfig, TranslationSettings};
use crate::app::App;
use crate::auth::Caller;

/// So many keys of the input are looked at before the job is accepted.
const CHECKED_KEYS_MAX: usize = 10_000;
const KEYS_PER_PAGE: usize = 1_000;
/// The longest key of an object.
const KEY_BYTES_MAX: usize = 1_024;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    /// The caller's name for the job.
    pub job_name: Option<String>,
    /// The documents.
    pub input_data_config: InputDataConfig,
    /// Where the translations go.
    pub output_data_config: OutputDataConfig,
    /// The role with which the storage is reached.
    pub data_access_role_arn: String,
    /// The language of the documents, or `auto`.
    pub source_language_code: String,
    /// The languages to translate into.
    pub target_language_codes: Vec<String>,
    /// Names of terminologies.
    #[serde(default)]
    pub terminology_names: Vec<String>,
    /// Names of parallel data.
    #[serde(default)]
    pub parallel_data_names: Vec<String>,
    /// What makes a repeated request the same one.
    pub client_token: String,
    /// Wishes about the translation.
    pub settings: Option<TranslationSettings>,
}

/// The job that was made, or found under the same client token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    /// Its id.
    pub job_id: String,
    /// Its status.
    pub job_status: &'static str,
}

/// Records the job and wakes the runner. `fingerprint` says what was asked for.
pub async fn call(
    app: &App,
    caller: &Caller,
    input: Input,
    fingerprint: Fingerprint,
) -> Result<Output, ApiError> {
    let owner = caller.owner();
    let client_token = input.client_token.clone();
    let before = app.store.submitted_before(&owner, &client_token, &fingerprint).await?;
    if let Some(job) = before {
        return Ok(Output { job_id: job.id.0, job_status: job.status.as_str() });
    }

    let request = JobRequest::parse(input.try_into()?)?;
    refuse_unserved(app, &request)?;
    // Neither can be imported yet, so no name is known.
    if let Some(name) = request.terminologies.iter().chain(&request.parallel_data).next() {
        return Err(ApiError::ResourceNotFound(format!("no resource named '{name}' exists")));
    }
    request.check_feasible()?;
    let access = Access { account: owner.account.clone(), role_arn: request.role_arn.clone() };
    check_input(app, &access, &request).await?;
    check_output(app, &access, &request).await?;

    let id = JobId::from_random(Uuid::new_v4().as_u128());
    let job = NewJob { id, owner, request, client_token, fingerprint };
    let job = app.store.submit(job, app.jobs_queued_max).await?;
    app.wake.notify_one();
    Ok(Output { job_id: job.id.0, job_status: job.status.as_str() })
}

/// Refuses pairs of the list that no engine here serves. Where the source is
/// detected, one source that serves a target is enough.
fn refuse_unserved(app: &App, request: &JobRequest) -> Result<(), ApiError> {
    for &target in &request.targets {
        let is_served = match request.source {
            Source::Language(source) => {
                source == target || app.engines.serves(LanguagePair { source, target })
            }
            Source::Auto => app.engines.serves_target(target),
        };
        if !is_served {
            let source = request.source.as_str();
            let engines: Vec<&str> = app.engines.names().collect();
            tracing::info!(
                source,
                target = target.as_str(),
                engines = engines.join(", "),
                "no engine serves this pair: `metaphrast engines` says how to add it"
            );
            return Err(ApiError::UnsupportedLanguagePair {
                message: format!("Unsupported language pair: {source} to {target}."),
                source: source.to_owned(),
                target: target.as_str().to_owned(),
            });
        }
    }
    Ok(())
}

/// Looks at the first keys of the input folder.
async fn check_input(app: &App, access: &Access, request: &JobRequest) -> Result<(), ApiError> {
    let (bucket, folder) = (request.input.bucket(), request.input.folder());
    let (mut tally, mut cursor, mut checked) = (InputTally::default(), None::<String>, 0);
    while checked < CHECKED_KEYS_MAX {
        let page = app
            .objects
            .list(access, bucket, &folder, cursor.as_deref(), KEYS_PER_PAGE)
            .await
            .map_err(|err| refused("The input folder could not be listed", err))?;
        for object in &page.objects {
            tally
                .add(&object.key[folder.len()..], object.size_bytes)
                .map_err(|fault| ApiError::InvalidRequest(fault.to_string()))?;
        }
        checked += page.objects.len();
        let Some(last) = page.objects.into_iter().next_back().filter(|_| page.is_truncated) else {
            break;
        };
        cursor = Some(last.key);
    }
    if tally.documents == 0 {
        return Err(ApiError::InvalidRequest(format!(
            "the input folder '{}' holds no documents",
            request.input
        )));
    }
    Ok(())
}

/// Writes an object into the output folder and removes it again.
async fn check_output(app: &App, access: &Access, request: &JobRequest) -> Result<(), ApiError> {
    let (bucket, folder) = (request.output.bucket(), request.output.folder());
    check_room(&folder)?;
    let key = format!("{folder}{WRITE_CHECK}");
    let options = PutOptions {
        content_type: None,
        kms_key_id: request.encryption_key.as_ref().map(|key| key.id.clone()),
    };
    let refused = |err| refused("The output folder could not be written", err);
    app.objects.put(access, bucket, &key, Bytes::new(), &options).await.map_err(refused)?;
    app.objects.delete(access, bucket, &key).await.map_err(refused)
}

/// Refuses an output folder in which the details of a job would not have room:
/// they are written last, when the work is done.
fn check_room(folder: &str) -> Result<(), ApiError> {
    let folder_bytes_max = KEY_BYTES_MAX - DETAILS_KEY_BYTES_MAX;
    if folder_bytes_max < folder.len() {
        return Err(ApiError::InvalidRequest(format!(
            "the key prefix of the output folder has {} bytes and may have at most \
             {folder_bytes_max}, since the job writes longer keys into it: name a shorter folder",
            folder.len()
        )));
    }
    Ok(())
}

/// What the caller learns of a place that cannot be used.
fn refused(what: &str, err: ObjectsError) -> ApiError {
    if matches!(err, ObjectsError::Storage(_)) {
        return ApiError::internal(err);
    }
    ApiError::InvalidRequest(format!("{what}: {err}"))
}

impl TryFrom<Input> for Draft {
    type Error = InvalidS3Location;

    /// The client token is not part of the wish: take it before.
    fn try_from(input: Input) -> Result<Self, InvalidS3Location> {
        let Input {
            job_name,
            input_data_config,
            output_data_config,
            data_access_role_arn,
            source_language_code,
            target_language_codes,
            terminology_names,
            parallel_data_names,
            client_token: _,
            settings,
        } = input;
        Ok(Self {
            name: job_name,
            input: input_data_config.s3_uri.parse()?,
            content_type: input_data_config.content_type,
            output: output_data_config.s3_uri.parse()?,
            encryption_key: output_data_config.encryption_key.map(Into::into),
            role_arn: data_access_role_arn,
            source: source_language_code,
            targets: target_language_codes,
            terminologies: terminology_names,
            parallel_data: parallel_data_names,
            settings: settings.map(Into::into),
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::job::{EncryptionKey, Formality, Settings};
    use serde_json::{Value, json};

    use super::*;
    use crate::api::{Operation, decode};
    use crate::test_app::{TestApp, request};

    fn read(body: &Value) -> Input {
        let body = body.to_string();
        let checked = decode::read(Operation::StartTextTranslationJob.input(), body.as_bytes());
        checked.unwrap().into_input().unwrap()
    }

    #[test]
    fn a_whole_request_becomes_a_draft() {
        let input = read(&json!({
            "JobName": "name",
            "InputDataConfig": { "S3Uri": "s3://bucket/in", "ContentType": "text/plain" },
            "OutputDataConfig": {
                "S3Uri": "s3://bucket/out",
                "EncryptionKey": { "Type": "KMS", "Id": "alias/k" },
            },
            "DataAccessRoleArn": "arn:aws:iam::111122223333:role/x",
            "SourceLanguageCode": "en",
            "TargetLanguageCodes": ["fr", "de"],
            "TerminologyNames": ["terms"],
            "ParallelDataNames": ["data"],
            "ClientToken": "token",
            "Settings": { "Formality": "FORMAL", "Profanity": "MASK", "Brevity": "ON" },
        }));
        assert_eq!(input.client_token, "token");

        let draft = Draft::try_from(input).unwrap();
        assert_eq!(draft.name.as_deref(), Some("name"));
        assert_eq!(
            (draft.input.as_str(), draft.content_type.as_str()),
            ("s3://bucket/in", "text/plain")
        );
        assert_eq!(draft.output.as_str(), "s3://bucket/out");
        assert_eq!(draft.encryption_key, Some(EncryptionKey { id: "alias/k".to_owned() }));
        assert_eq!(draft.role_arn, "arn:aws:iam::111122223333:role/x");
        assert_eq!(
            (draft.source.as_str(), draft.targets),
            ("en", vec!["fr".to_owned(), "de".to_owned()])
        );
        assert_eq!(
            (draft.terminologies, draft.parallel_data),
            (vec!["terms".to_owned()], vec!["data".to_owned()])
        );
        let settings =
            Settings { formality: Some(Formality::Formal), masks_profanity: true, is_brief: true };
        assert_eq!(draft.settings, Some(settings));
    }

    #[test]
    fn what_may_be_absent_may_be_absent() {
        let input = read(&json!({
            "InputDataConfig": { "S3Uri": "s3://bucket/in", "ContentType": "text/plain" },
            "OutputDataConfig": { "S3Uri": "s3://bucket/out" },
            "DataAccessRoleArn": "arn:aws:iam::111122223333:role/x",
            "SourceLanguageCode": "auto",
            "TargetLanguageCodes": ["fr"],
            "ClientToken": "token",
        }));
        let draft = Draft::try_from(input).unwrap();
        assert!(draft.terminologies.is_empty() && draft.settings.is_none());
    }

    #[tokio::test]
    async fn an_output_folder_has_room_for_the_details_or_is_refused() {
        let app = TestApp::start().await;
        app.put("docs/a.txt", "Ab.").await;
        let changes = |folder_bytes: usize| {
            let folder = "x".repeat(folder_bytes - 1);
            json!({
                "OutputDataConfig": { "S3Uri": format!("s3://out-bucket/{folder}/") },
                "TargetLanguageCodes": ["zh-TW"],
            })
        };
        let id = app.submit("fits", changes(916)).await;
        app.run_until_idle().await;
        assert_eq!(app.status(&id).await, "COMPLETED");

        let refused = app.call("StartTextTranslationJob", request("long", changes(917))).await;
        let expected = "InvalidRequestException: the key prefix of the output folder has 917 bytes \
                        and may have at most 916, since the job writes longer keys into it: name \
                        a shorter folder";
        assert_eq!(refused, Err(expected.to_owned()));
    }

    #[tokio::test]
    async fn the_write_check_of_another_job_is_no_document() {
        let app = TestApp::start().await;
        app.put("docs/.write_access_check_file.temp", "").await;
        let refused = app.call("StartTextTranslationJob", request("a", json!({}))).await;
        let expected = "InvalidRequestException: the input folder 's3://in-bucket/docs' holds no \
                        documents";
        assert_eq!(refused, Err(expected.to_owned()));
    }
}
