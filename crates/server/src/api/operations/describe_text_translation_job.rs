//! `DescribeTextTranslationJob`: shows one job.

use domain::job::JobId;
use serde::{Deserialize, Serialize};

use crate::api::error::ApiError;
use crate::api::shapes::TextTranslationJobProperties;
use crate::app::App;
use crate::auth::Caller;

/// Which job.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    /// Its id.
    pub job_id: String,
}

/// The job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    /// All that can be said of it.
    pub text_translation_job_properties: TextTranslationJobProperties,
}

/// Reads the job.
pub async fn call(app: &App, caller: &Caller, input: Input) -> Result<Output, ApiError> {
    let job = app.store.job(&caller.owner(), &JobId(input.job_id)).await?;
    Ok(Output { text_translation_job_properties: (&job).into() })
}
