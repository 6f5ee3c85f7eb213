//! What a batch translation job is, and how it moves from submitted to finished.
//!
//! Everything here is data and pure functions. There is no clock, database or
//! network: callers pass the time in and persist what comes out.
//!
//! Start reading at [`Status::after`], the only code that changes a status.

mod document;
mod input;
mod request;
mod status;

pub use document::{
    DOCUMENT_BYTES_MAX, DOCUMENT_CHARACTERS_MAX, DocumentFault, FaultCode, InputDocument,
    TRANSLATABLE_BYTES_MAX,
};
pub use input::{DOCUMENTS_MAX, INPUT_BYTES_MAX, InputFault, InputTally, WRITE_CHECK};
pub use request::{
    ContentType, Draft, EncryptionKey, Formality, InvalidRequest, JobRequest, Settings, Source,
    TARGETS_MAX,
};
pub use status::{Event, InvalidTransition, Outcome, Status};

use std::fmt;

use crate::Timestamp;
use crate::language::LanguageCode;
use crate::location::S3Location;

/// The name of one job: 32 lower-case hexadecimal digits for those made here.
///
/// Callers may ask for any text; one that never named a job is simply not found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub String);

impl JobId {
    /// The id made of 128 random bits.
    pub fn from_random(bits: u128) -> Self {
        Self(format!("{bits:032x}"))
    }

    /// The id as callers see it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How many bytes the longest [`Job::details_key`] has below the output folder
/// that the job names.
pub const DETAILS_KEY_BYTES_MAX: usize =
    "111122223333-TranslateText-00000000000000000000000000000000\
    /details/zh-TW.auxiliary-translation-details.json"
        .len();

/// Whose a thing is. Nobody sees what belongs to another owner.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// Twelve digits.
    pub account: String,
    /// Such as `us-east-1`.
    pub region: String,
}

/// A batch translation job as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// Whose it is.
    pub owner: Owner,
    /// What was asked for.
    pub request: JobRequest,
    /// Where it stands. Only [`Status::after`] makes a new one.
    pub status: Status,
    /// What was done so far; none until the input is listed.
    pub counts: Option<Counts>,
    /// What there is to say about the end.
    pub message: Option<String>,
    /// When it was accepted.
    pub submitted: Timestamp,
    /// When its owner first asked to stop it.
    pub stop_asked: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
}

/// How many documents a job has and what became of them. A document counts
/// once, however many target languages there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Documents found in the input folder.
    pub documents: u64,
    /// Documents translated without error into all targets.
    pub translated: u64,
    /// Documents that failed for at least one target.
    pub with_errors: u64,
}

impl Outcome {
    /// How the work of a job ended that nobody works on any more.
    ///
    /// A stop counts only if it left something undone.
    pub fn of_work(has_fault: bool, is_all_processed: bool, with_errors: u64) -> Self {
        match (has_fault, is_all_processed, with_errors) {
            (true, _, _) => Self::Failed,
            (false, false, _) => Self::Stopped,
            (false, true, 0) => Self::Translated,
            (false, true, _) => Self::PartlyTranslated,
        }
    }
}

impl Job {
    /// The folder that holds this job's output and nothing else.
    pub fn output_folder(&self) -> S3Location {
        let name = format!("{}-TranslateText-{}/", self.owner.account, self.id);
        self.request.output.join(&name)
    }

    /// The key of the details file for `target`.
    pub fn details_key(&self, target: LanguageCode) -> String {
        let folder = self.output_folder().folder();
        format!("{folder}details/{target}.auxiliary-translation-details.json")
    }

    /// What Describe says of a job that ended as it stands; `fault` is what kept
    /// it from completing, if anything did.
    pub fn ending_message(&self, fault: Option<&str>) -> String {
        match (self.status, fault) {
            (Status::Completed, _) => "Your job has completed successfully.".to_owned(),
            (Status::CompletedWithError, _) => {
                "Your job has completed with errors. See the details folder of the job output."
                    .to_owned()
            }
            (Status::Stopped, None) => "Your job was stopped at your request.".to_owned(),
            // The owner asked for a stop and is told what else was wrong.
            (Status::Stopped, Some(fault)) => {
                format!("Your job was stopped at your request. {fault}")
            }
            (_, fault) => fault.unwrap_or("An internal error occurred").to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_language_makes_a_longer_key_of_details() {
        let request = JobRequest::parse(Draft {
            name: None,
            input: "s3://bucket/in".parse().unwrap(),
            content_type: "text/plain".to_owned(),
            output: "s3://bucket/out".parse().unwrap(),
            encryption_key: None,
            role_arn: String::new(),
            source: "en".to_owned(),
            targets: vec!["fr".to_owned()],
            terminologies: vec![],
            parallel_data: vec![],
            settings: None,
        });
        let job = Job {
            id: JobId::from_random(0),
            owner: Owner { account: "111122223333".to_owned(), region: "us-east-1".to_owned() },
            request: request.unwrap(),
            status: Status::Submitted,
            counts: None,
            message: None,
            submitted: Timestamp(0),
            stop_asked: None,
            ended: None,
        };
        let longest = LanguageCode::all().map(|target| job.details_key(target).len()).max();
        assert_eq!(longest, Some("out/".len() + DETAILS_KEY_BYTES_MAX));
    }

    #[test]
    fn a_job_id_has_thirty_two_lower_case_digits() {
        assert_eq!(JobId::from_random(0xABC).as_str(), "00000000000000000000000000000abc");
    }
}
