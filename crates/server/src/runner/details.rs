//! The details file of one target language: what became of each document.
//!
//! Written piece by piece, since a job of a million documents has a hundred
//! megabytes of it. The names and forms are those of the API specification;
//! all counts are strings.

use bytes::Bytes;
use domain::job::Job;
use objects::{ObjectWriter, Objects, ObjectsError};
use serde::Serialize;
use store::Unit;

use super::access;
use super::document::put_options;

/// Bytes gathered before a piece is written.
const PIECE_BYTES: usize = 256 << 10;

/// What stands in the head of the details, for all targets.
pub(super) struct Summary {
    /// Documents processed, with or without success.
    pub(super) processed: u64,
    targets: Vec<TargetSummary>,
}

#[derive(Clone, Default)]
struct TargetSummary {
    characters: u64,
    customer_errors: u64,
    server_errors: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    source_language_code: &'a str,
    target_language_code: &'a str,
    characters_translated: String,
    document_count_with_customer_error: String,
    document_count_with_server_error: String,
    input_data_prefix: &'a str,
    output_data_prefix: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    source_file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target_file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_language: Option<&'a str>,
    auxiliary_data: AuxiliaryData<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuxiliaryData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Fault<'a>>,
    // Ours: sentences that stayed as they were, since no good translation was to be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    untranslated_sentences: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fault<'a> {
    error_code: &'a str,
    error_message: &'a str,
}

impl Summary {
    pub(super) fn new(targets: usize) -> Self {
        Self { processed: 0, targets: vec![TargetSummary::default(); targets] }
    }

    pub(super) fn add(&mut self, unit: &Unit) {
        self.processed += unit.progress.processed();
        for (target, characters) in self.targets.iter_mut().zip(&unit.progress.characters) {
            target.characters += characters;
        }
        for fault in &unit.progress.faults {
            let target = &mut self.targets[fault.target];
            if fault.fault.code.is_servers() {
                target.server_errors += 1;
            } else {
                target.customer_errors += 1;
            }
        }
    }
}

/// A details file in the making.
pub(super) struct Details<'a> {
    job: &'a Job,
    target: usize,
    writer: Box<dyn ObjectWriter>,
    gathered: Vec<u8>,
    is_first: bool,
}

impl<'a> Details<'a> {
    pub(super) async fn begin(
        objects: &dyn Objects,
        job: &'a Job,
        target: usize,
        summary: &Summary,
    ) -> Result<Self, ObjectsError> {
        let (place, code) = (job.output_folder(), job.request.targets[target]);
        let key = job.details_key(code);
        let options = put_options(job, "application/json");
        let writer = objects.begin(&access(job), place.bucket(), &key, &options).await?;
        let counts = &summary.targets[target];
        let mut gathered = json(&Head {
            source_language_code: job.request.source.as_str(),
            target_language_code: code.as_str(),
            characters_translated: counts.characters.to_string(),
            document_count_with_customer_error: counts.customer_errors.to_string(),
            document_count_with_server_error: counts.server_errors.to_string(),
            input_data_prefix: job.request.input.as_str(),
            output_data_prefix: place.as_str(),
        });
        // The list is the last member of the object that was just written.
        gathered.pop();
        gathered.extend_from_slice(br#","details":["#);
        Ok(Self { job, target, writer, gathered, is_first: true })
    }

    /// Adds the processed documents of a unit.
    pub(super) async fn add(&mut self, unit: &Unit) -> Result<(), ObjectsError> {
        for (index, document) in unit.documents.iter().enumerate() {
            if !unit.progress.done[index] {
                continue;
            }
            let fault = unit
                .progress
                .faults
                .iter()
                .find(|fault| fault.document == index && fault.target == self.target)
                .map(|fault| &fault.fault);
            let untranslated = unit
                .progress
                .untranslated
                .iter()
                .find(|it| it.document == index && it.target == self.target);
            let code = self.job.request.targets[self.target].as_str();
            let language = unit.progress.languages.get(index).copied().flatten();
            let entry = Entry {
                source_file: &document.path,
                target_file: fault.is_none().then(|| document.output_path(code)),
                source_language: language.map(domain::language::LanguageCode::as_str),
                auxiliary_data: AuxiliaryData {
                    error: fault.map(|fault| Fault {
                        error_code: fault.code.as_str(),
                        error_message: &fault.message,
                    }),
                    untranslated_sentences: untranslated.map(|it| it.sentences.to_string()),
                },
            };
            if !self.is_first {
                self.gathered.push(b',');
            }
            self.is_first = false;
            self.gathered.extend_from_slice(&json(&entry));
            if PIECE_BYTES <= self.gathered.len() {
                let piece = std::mem::take(&mut self.gathered);
                self.writer.write(Bytes::from(piece)).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn finish(mut self) -> Result<(), ObjectsError> {
        self.gathered.extend_from_slice(b"]}");
        self.writer.write(Bytes::from(self.gathered)).await?;
        self.writer.finish().await
    }
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and numbers are always JSON")
}
