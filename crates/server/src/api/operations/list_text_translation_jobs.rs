//! `ListTextTranslationJobs`: the caller's jobs, page by page.

use domain::Timestamp;
use domain::job::{JobId, Status};
use serde::{Deserialize, Serialize};
use store::{JobFilter, ListPosition};

use crate::api::Operation;
use crate::api::error::ApiError;
use crate::api::shapes::{EpochSeconds, TextTranslationJobProperties};
use crate::api::token::{InvalidToken, Scope};
use crate::app::App;
use crate::auth::Caller;

const PAGE_JOBS: u32 = 100;

/// Which jobs, and which page of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    /// Which jobs; all when absent or empty.
    pub filter: Option<Filter>,
    /// Where to go on; an empty one is none.
    pub next_token: Option<String>,
    /// The most jobs on the page: 1 to 500.
    pub max_results: Option<u32>,
}

/// What a job must be to be listed. Only one member may be set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Filter {
    /// It has exactly this name.
    pub job_name: Option<String>,
    /// It is in the state of this name, which is one of the model's.
    pub job_status: Option<String>,
    /// It was submitted before.
    pub submitted_before_time: Option<EpochSeconds>,
    /// It was submitted after.
    pub submitted_after_time: Option<EpochSeconds>,
}

/// One page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    /// The jobs; always there, and empty when there are none.
    pub text_translation_job_properties_list: Vec<TextTranslationJobProperties>,
    /// Where to go on, when there is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// Reads one page and says where the next one begins.
pub async fn call(app: &App, caller: &Caller, input: Input) -> Result<Output, ApiError> {
    let owner = caller.owner();
    let filter = job_filter(input.filter.unwrap_or_default())?;
    let fingerprint = format!("{filter:?}");
    let scope = Scope {
        operation: Operation::ListTextTranslationJobs.name(),
        account: &owner.account,
        region: &owner.region,
        filter: &fingerprint,
    };
    let now = (app.clock)();
    let after = match input.next_token.as_deref() {
        None | Some("") => None,
        Some(token) => {
            let position = app.token_key.open(scope, token, now);
            let position = position.and_then(|position| read_position(&position));
            Some(position.map_err(|err| ApiError::InvalidRequest(err.to_string()))?)
        }
    };
    let limit = input.max_results.unwrap_or(PAGE_JOBS);
    // One more than asked for tells whether there is another page.
    let mut jobs = app.store.list(&owner, &filter, after.as_ref(), limit + 1).await?;
    let has_more = limit < u32::try_from(jobs.len()).unwrap_or(u32::MAX);
    jobs.truncate(limit as usize);
    let next_token = jobs
        .last()
        .filter(|_| has_more)
        .map(|last| app.token_key.issue(scope, &format!("{} {}", last.submitted.0, last.id), now));
    Ok(Output {
        text_translation_job_properties_list: jobs.iter().map(Into::into).collect(),
        next_token,
    })
}

fn job_filter(filter: Filter) -> Result<JobFilter, ApiError> {
    let Filter { job_name, job_status, submitted_before_time, submitted_after_time } = filter;
    match (job_name, job_status, submitted_before_time, submitted_after_time) {
        (None, None, None, None) => Ok(JobFilter::All),
        (Some(name), None, None, None) => Ok(JobFilter::Named(name)),
        (None, Some(name), None, None) => {
            // The model's limits have passed, so the name is one of the seven.
            let status = Status::from_name(&name);
            status
                .map(JobFilter::InStatus)
                .ok_or_else(|| ApiError::InvalidFilter(format!("there is no job status '{name}'")))
        }
        (None, None, Some(time), None) => Ok(JobFilter::SubmittedBefore(time.0)),
        (None, None, None, Some(time)) => Ok(JobFilter::SubmittedAfter(time.0)),
        _ => Err(ApiError::InvalidFilter(
            "only one of JobName, JobStatus, SubmittedBeforeTime and SubmittedAfterTime \
             may be set"
                .to_owned(),
        )),
    }
}

fn read_position(position: &str) -> Result<ListPosition, InvalidToken> {
    let (submitted, id) = position.split_once(' ').ok_or(InvalidToken)?;
    let submitted = Timestamp(submitted.parse().map_err(|_| InvalidToken)?);
    Ok(ListPosition { submitted, id: JobId(id.to_owned()) })
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::{Operation, decode};

    fn read(body: &Value) -> Input {
        let body = body.to_string();
        let checked = decode::read(Operation::ListTextTranslationJobs.input(), body.as_bytes());
        checked.unwrap().into_input().unwrap()
    }

    #[test]
    fn a_request_is_read() {
        assert_eq!(read(&json!({ "Filter": null, "NextToken": null })), Input::default());
        let filter = Filter {
            job_name: Some("a".to_owned()),
            job_status: Some("FAILED".to_owned()),
            submitted_before_time: Some(EpochSeconds(Timestamp(1500))),
            submitted_after_time: Some(EpochSeconds(Timestamp(1_000))),
        };
        let body = json!({
            "Filter": {
                "JobName": "a",
                "JobStatus": "FAILED",
                "SubmittedBeforeTime": 1.5,
                "SubmittedAfterTime": 1,
            },
            "NextToken": "x",
            "MaxResults": 2.9,
        });
        let expected =
            Input { filter: Some(filter), next_token: Some("x".to_owned()), max_results: Some(2) };
        assert_eq!(read(&body), expected);
    }

    #[test]
    fn an_empty_page_has_a_list() {
        let written = serde_json::to_value(Output::default()).unwrap();
        assert_eq!(written, json!({ "TextTranslationJobPropertiesList": [] }));
    }
}
