//! The wire types that operations share, and how responses are written.
//!
//! Members without a value are left out, counts have no decimal point, and
//! times are seconds since 1970 with up to three decimals. No domain type has
//! these forms: the conversions are here.

use domain::Timestamp;
use domain::job::{self, Job};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment on the wire: `1576544017.357`, and `1576544017` when it is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochSeconds(pub Timestamp);

impl Serialize for EpochSeconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ms = self.0.0;
        if ms % 1000 == 0 {
            return serializer.serialize_i64(ms / 1000);
        }
        #[expect(clippy::cast_precision_loss, reason = "exact until the year 287396")]
        let seconds = ms as f64 / 1000.0;
        serializer.serialize_f64(seconds)
    }
}

impl<'de> Deserialize<'de> for EpochSeconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        #[expect(clippy::cast_possible_truncation, reason = "a cast saturates, as wanted")]
        let ms = (seconds * 1000.0).round() as i64;
        Ok(Self(Timestamp(ms)))
    }
}

/// Where the documents are, and what they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InputDataConfig {
    /// The folder, exactly as given.
    pub s3_uri: String,
    /// The MIME type of all documents.
    pub content_type: String,
}

/// Where the translations go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct OutputDataConfig {
    /// The folder: the caller's in a request, the job's own in a response.
    pub s3_uri: String,
    /// The key that encrypts the output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encryption_key: Option<EncryptionKey>,
}

/// A key of the storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct EncryptionKey {
    /// Its kind.
    pub r#type: EncryptionKeyType,
    /// Its id, ARN or alias.
    pub id: String,
}

/// The kinds of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum EncryptionKeyType {
    /// The only one there is.
    Kms,
}

/// Wishes about a translation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TranslationSettings {
    /// How to address the reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub formality: Option<Formality>,
    /// Whether profane words are masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profanity: Option<Profanity>,
    /// Whether the translation shall be shorter than usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brevity: Option<Brevity>,
}

/// How the reader is addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Formality {
    /// As a stranger.
    Formal,
    /// As a friend.
    Informal,
}

/// What is done with profane words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Profanity {
    /// They are masked.
    Mask,
}

/// Whether a translation shall be short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Brevity {
    /// It shall.
    On,
}

/// How many documents a job has and what became of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct JobDetails {
    /// Translated without error into all targets.
    pub translated_documents_count: u64,
    /// Failed for at least one target.
    pub documents_with_errors_count: u64,
    /// Found in the input folder.
    pub input_documents_count: u64,
}

/// A job as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TextTranslationJobProperties {
    /// Its id.
    pub job_id: String,
    /// The owner's name for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_name: Option<String>,
    /// Where it stands.
    pub job_status: &'static str,
    /// What was done so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_details: Option<JobDetails>,
    /// The language of the documents, or `auto`.
    pub source_language_code: &'static str,
    /// The languages to translate into.
    pub target_language_codes: Vec<&'static str>,
    /// The terminology asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub terminology_names: Vec<String>,
    /// The parallel data asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parallel_data_names: Vec<String>,
    /// What there is to say about the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it was accepted.
    pub submitted_time: EpochSeconds,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_time: Option<EpochSeconds>,
    /// The documents, as given.
    pub input_data_config: InputDataConfig,
    /// The job's own folder.
    pub output_data_config: OutputDataConfig,
    /// The role, as given.
    pub data_access_role_arn: String,
    /// The wishes, if there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<TranslationSettings>,
}

/// One language of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Language {
    /// Its name in the display language.
    pub language_name: &'static str,
    /// Its code.
    pub language_code: &'static str,
}

impl From<EncryptionKey> for job::EncryptionKey {
    fn from(key: EncryptionKey) -> Self {
        let EncryptionKey { r#type: EncryptionKeyType::Kms, id } = key;
        Self { id }
    }
}

impl From<job::EncryptionKey> for EncryptionKey {
    fn from(key: job::EncryptionKey) -> Self {
        let job::EncryptionKey { id } = key;
        Self { r#type: EncryptionKeyType::Kms, id }
    }
}

impl From<TranslationSettings> for job::Settings {
    fn from(settings: TranslationSettings) -> Self {
        let TranslationSettings { formality, profanity, brevity } = settings;
        Self {
            formality: formality.map(|formality| match formality {
                Formality::Formal => job::Formality::Formal,
                Formality::Informal => job::Formality::Informal,
            }),
            masks_profanity: profanity.is_some(),
            is_brief: brevity.is_some(),
        }
    }
}

impl From<job::Settings> for TranslationSettings {
    fn from(settings: job::Settings) -> Self {
        let job::Settings { formality, masks_profanity, is_brief } = settings;
        Self {
            formality: formality.map(|formality| match formality {
                job::Formality::Formal => Formality::Formal,
                job::Formality::Informal => Formality::Informal,
            }),
            profanity: masks_profanity.then_some(Profanity::Mask),
            brevity: is_brief.then_some(Brevity::On),
        }
    }
}

impl From<job::Counts> for JobDetails {
    fn from(counts: job::Counts) -> Self {
        let job::Counts { documents, translated, with_errors } = counts;
        Self {
            translated_documents_count: translated,
            documents_with_errors_count: with_errors,
            input_documents_count: documents,
        }
    }
}

impl From<&Job> for TextTranslationJobProperties {
    fn from(job: &Job) -> Self {
        let request = &job.request;
        Self {
            job_id: job.id.as_str().to_owned(),
            job_name: request.name.clone(),
            job_status: job.status.as_str(),
            job_details: job.counts.map(JobDetails::from),
            source_language_code: request.source.as_str(),
            target_language_codes: request.targets.iter().map(|code| code.as_str()).collect(),
            terminology_names: request.terminologies.clone(),
            parallel_data_names: request.parallel_data.clone(),
            message: job.message.clone(),
            submitted_time: EpochSeconds(job.submitted),
            end_time: job.ended.map(EpochSeconds),
            input_data_config: InputDataConfig {
                s3_uri: request.input.as_str().to_owned(),
                content_type: request.content_type.as_str().to_owned(),
            },
            output_data_config: OutputDataConfig {
                s3_uri: job.output_folder().as_str().to_owned(),
                encryption_key: request.encryption_key.clone().map(EncryptionKey::from),
            },
            data_access_role_arn: request.role_arn.clone(),
            settings: request
                .settings
                .filter(|settings| *settings != job::Settings::default())
                .map(TranslationSettings::from),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn check(ms: i64, expected: &str) {
        let written = serde_json::to_string(&EpochSeconds(Timestamp(ms))).unwrap();
        assert_eq!(written, expected);
    }

    #[test]
    fn times_are_seconds_with_up_to_three_decimals() {
        check(1_576_544_017_357, "1576544017.357");
        check(1_576_544_017_000, "1576544017");
        check(1_576_544_017_500, "1576544017.5");
        check(1_576_544_017_001, "1576544017.001");
        check(0, "0");
        check(-1, "-0.001");
    }

    #[test]
    fn every_number_is_a_time() {
        let read = |text: &str| serde_json::from_str::<EpochSeconds>(text).unwrap().0.0;
        assert_eq!(read("1704067200"), 1_704_067_200_000);
        assert_eq!(read("1.7040672E9"), 1_704_067_200_000);
        assert_eq!(read("1576544017.357"), 1_576_544_017_357);
        assert_eq!(read("1e300"), i64::MAX);
        assert_eq!(read("-5"), -5000);
    }

    proptest! {
        #[test]
        fn a_time_is_read_as_it_was_written(ms in -10_000_000_000_000_i64..10_000_000_000_000) {
            let written = serde_json::to_string(&EpochSeconds(Timestamp(ms))).unwrap();
            prop_assert!(written.split_once('.').is_none_or(|(_, it)| it.len() <= 3), "{written}");
            prop_assert!(!written.contains('e'), "{written}");
            let read: EpochSeconds = serde_json::from_str(&written).unwrap();
            prop_assert_eq!(read.0.0, ms);
        }
    }

    fn job() -> Job {
        let draft = job::Draft {
            name: None,
            input: "s3://bucket/in".parse().unwrap(),
            content_type: "text/plain".to_owned(),
            output: "s3://bucket/out".parse().unwrap(),
            encryption_key: None,
            role_arn: "arn:aws:iam::111122223333:role/x".to_owned(),
            source: "auto".to_owned(),
            targets: vec!["fr".to_owned(), "zh-TW".to_owned()],
            terminologies: vec![],
            parallel_data: vec![],
            settings: Some(job::Settings::default()),
        };
        Job {
            id: job::JobId::from_random(0xA),
            owner: job::Owner {
                account: "111122223333".to_owned(),
                region: "us-east-1".to_owned(),
            },
            request: job::JobRequest::parse(draft).unwrap(),
            status: job::Status::Submitted,
            counts: None,
            message: None,
            submitted: Timestamp(1_576_544_017_357),
            stop_asked: None,
            ended: None,
        }
    }

    fn written(job: &Job) -> Value {
        serde_json::to_value(TextTranslationJobProperties::from(job)).unwrap()
    }

    #[test]
    fn a_waiting_job_shows_what_was_given_and_no_more() {
        let id = "0000000000000000000000000000000a";
        assert_eq!(
            written(&job()),
            json!({
                "JobId": id,
                "JobStatus": "SUBMITTED",
                "SourceLanguageCode": "auto",
                "TargetLanguageCodes": ["fr", "zh-TW"],
                "SubmittedTime": 1_576_544_017.357,
                "InputDataConfig": { "S3Uri": "s3://bucket/in", "ContentType": "text/plain" },
                "OutputDataConfig": {
                    "S3Uri": format!("s3://bucket/out/111122223333-TranslateText-{id}/"),
                },
                "DataAccessRoleArn": "arn:aws:iam::111122223333:role/x",
            })
        );
    }

    #[test]
    fn an_ended_job_shows_all() {
        let mut job = job();
        job.status = job::Status::Completed;
        job.counts = Some(job::Counts { documents: 77, translated: 77, with_errors: 0 });
        job.message = Some("done".to_owned());
        job.ended = Some(Timestamp(1_576_544_018_000));
        job.request.name = Some("name".to_owned());
        job.request.terminologies = vec!["terms".to_owned()];
        job.request.parallel_data = vec!["data".to_owned()];
        job.request.encryption_key = Some(job::EncryptionKey { id: "alias/k".to_owned() });
        job.request.settings = Some(job::Settings {
            formality: Some(job::Formality::Informal),
            masks_profanity: true,
            is_brief: false,
        });

        let properties = written(&job);
        let details = json!({
            "TranslatedDocumentsCount": 77,
            "DocumentsWithErrorsCount": 0,
            "InputDocumentsCount": 77,
        });
        assert_eq!(properties["JobDetails"], details);
        assert_eq!(properties["JobDetails"].to_string().matches('.').count(), 0);
        assert_eq!(properties["EndTime"].to_string(), "1576544018");
        assert_eq!(properties["Message"], "done");
        assert_eq!(properties["JobName"], "name");
        assert_eq!(properties["TerminologyNames"], json!(["terms"]));
        assert_eq!(properties["ParallelDataNames"], json!(["data"]));
        let key = json!({ "Type": "KMS", "Id": "alias/k" });
        assert_eq!(properties["OutputDataConfig"]["EncryptionKey"], key);
        assert_eq!(properties["Settings"], json!({ "Formality": "INFORMAL", "Profanity": "MASK" }));
    }
}
