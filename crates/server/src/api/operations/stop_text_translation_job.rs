//! `StopTextTranslationJob`: asks a job to stop.
//!
//! A job that has not begun is stopped by the answer. For a running one the
//! answer says `STOP_REQUESTED`, and it stops when its workers notice.

use domain::job::JobId;
use serde::{Deserialize, Serialize};

use crate::api::error::ApiError;
use crate::app::App;
use crate::auth::Caller;

/// Which job.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Input {
    /// Its id.
    pub job_id: String,
}

/// Where the job stands now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    /// Its id.
    pub job_id: String,
    /// Its status.
    pub job_status: &'static str,
}

/// Records the wish and wakes the runner.
pub async fn call(app: &App, caller: &Caller, input: Input) -> Result<Output, ApiError> {
    let job = app.store.request_stop(&caller.owner(), &JobId(input.job_id)).await?;
    app.wake.notify_one();
    Ok(Output { job_id: job.id.0, job_status: job.status.as_str() })
}
