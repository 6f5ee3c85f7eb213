//! The API: from a target and a body to an operation's answer.
//!
//! Knows no HTTP. What arrives is judged in this order: the target here, the
//! signature in `auth`, the body in [`decode`] and its limits in `constraints`,
//! and then the operation itself.
//!
//! Start reading at [`Operation`].

mod constraints;
pub mod decode;
pub mod error;
pub mod language_names;
pub mod model;
pub mod operations;
mod real_time;
pub mod shapes;
pub mod token;

use error::ApiError;
use model::Member;
use operations::list_languages::Available;
use serde::Serialize;

use crate::app::App;
use crate::auth::Caller;

/// What can be asked of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Shows one job.
    DescribeTextTranslationJob,
    /// Lists languages.
    ListLanguages,
    /// Lists jobs.
    ListTextTranslationJobs,
    /// Submits a job.
    StartTextTranslationJob,
    /// Stops a job.
    StopTextTranslationJob,
    /// Translates a document at once.
    TranslateDocument,
    /// Translates a text at once.
    TranslateText,
}

impl Operation {
    /// All operations there are.
    pub const ALL: [Self; 7] = [
        Self::DescribeTextTranslationJob,
        Self::ListLanguages,
        Self::ListTextTranslationJobs,
        Self::StartTextTranslationJob,
        Self::StopTextTranslationJob,
        Self::TranslateDocument,
        Self::TranslateText,
    ];

    const TARGET_PREFIX: &str = "AWSShineFrontendService_20170701.";

    /// The operation that the header `X-Amz-Target` names, compared exactly.
    pub fn from_target(target: &str) -> Option<Self> {
        Self::from_name(target.strip_prefix(Self::TARGET_PREFIX)?)
    }

    /// The operation of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }

    /// The name in targets, metrics and permissions.
    pub fn name(self) -> &'static str {
        match self {
            Self::DescribeTextTranslationJob => "DescribeTextTranslationJob",
            Self::ListLanguages => "ListLanguages",
            Self::ListTextTranslationJobs => "ListTextTranslationJobs",
            Self::StartTextTranslationJob => "StartTextTranslationJob",
            Self::StopTextTranslationJob => "StopTextTranslationJob",
            Self::TranslateDocument => "TranslateDocument",
            Self::TranslateText => "TranslateText",
        }
    }

    /// What the operation takes, for [`decode::read`].
    pub fn input(self) -> &'static [Member] {
        match self {
            Self::DescribeTextTranslationJob => model::DESCRIBE_TEXT_TRANSLATION_JOB,
            Self::ListLanguages => model::LIST_LANGUAGES,
            Self::ListTextTranslationJobs => model::LIST_TEXT_TRANSLATION_JOBS,
            Self::StartTextTranslationJob => model::START_TEXT_TRANSLATION_JOB,
            Self::StopTextTranslationJob => model::STOP_TEXT_TRANSLATION_JOB,
            Self::TranslateDocument => model::TRANSLATE_DOCUMENT,
            Self::TranslateText => model::TRANSLATE_TEXT,
        }
    }
}

/// Carries out `operation` for `caller` and returns the JSON of the answer.
pub async fn perform(
    app: &App,
    caller: &Caller,
    operation: Operation,
    body: &[u8],
) -> Result<String, ApiError> {
    use operations::{
        describe_text_translation_job, list_languages, list_text_translation_jobs,
        start_text_translation_job, stop_text_translation_job, translate_document, translate_text,
    };
    let checked = decode::read(operation.input(), body)?;
    match operation {
        Operation::DescribeTextTranslationJob => {
            let input = checked.into_input()?;
            json(&describe_text_translation_job::call(app, caller, input).await?)
        }
        Operation::ListLanguages => {
            let (now, input) = ((app.clock)(), checked.into_input()?);
            let languages = app.languages();
            let available = Available { languages: &languages, has_detection: true };
            json(&list_languages::call(available, &app.token_key, caller, now, input)?)
        }
        Operation::ListTextTranslationJobs => {
            let input = checked.into_input()?;
            json(&list_text_translation_jobs::call(app, caller, input).await?)
        }
        Operation::StartTextTranslationJob => {
            let fingerprint = checked.fingerprint();
            let input = checked.into_input()?;
            json(&start_text_translation_job::call(app, caller, input, fingerprint).await?)
        }
        Operation::StopTextTranslationJob => {
            let input = checked.into_input()?;
            json(&stop_text_translation_job::call(app, caller, input).await?)
        }
        Operation::TranslateDocument => {
            json(&translate_document::call(app, checked.into_input()?).await?)
        }
        Operation::TranslateText => json(&translate_text::call(app, checked.into_input()?).await?),
    }
}

fn json(output: &impl Serialize) -> Result<String, ApiError> {
    serde_json::to_string(output).map_err(ApiError::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(target: &str, expected: Option<Operation>) {
        assert_eq!(Operation::from_target(target), expected, "{target}");
    }

    #[test]
    fn a_target_is_compared_exactly() {
        check("AWSShineFrontendService_20170701.ListLanguages", Some(Operation::ListLanguages));
        check("AWSShineFrontendService_20170701.listLanguages", None);
        check("AWSShineFrontendService_20170701.Nope", None);
        check("AWSShineFrontendService_20170701..ListLanguages", None);
        check("AWSShineFrontendService_20170701", None);
        check("awsshinefrontendservice_20170701.ListLanguages", None);
        check("ListLanguages", None);
        check("", None);
    }

    #[test]
    fn every_operation_is_found_by_its_name() {
        for operation in Operation::ALL {
            let target = format!("AWSShineFrontendService_20170701.{}", operation.name());
            check(&target, Some(operation));
        }
    }
}
