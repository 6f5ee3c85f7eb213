//! One document: read, translated into every target, written, recorded.
//!
//! Nothing is written before all targets are translated, and the stop is not
//! looked at while they are written, so that a document is processed for all of
//! its targets or for none. Doing it twice changes nothing.

use domain::document::Document;
use domain::job::{
    DOCUMENT_BYTES_MAX, DocumentFault, FaultCode, InputDocument, Job, Settings, Source,
};
use domain::language::{LanguageCode, LanguagePair};
use engine::Style;
use objects::{ObjectsError, PutOptions};
use store::{TargetFault, Untranslated};
use tokio::sync::SemaphorePermit;

use super::held::{Stop, UnitInHand};
use super::retry::{concerns_the_place, retried, unwritable};
use super::{DOCUMENT_KILOBYTES_IN_HAND_MAX, Runner, access};
use crate::translate::{Lane, TranslateError, Translated};
use crate::turns::Turn;

/// What came of a document.
pub(super) enum DocumentEnd {
    /// It was processed, with or without success, and that is in the unit's progress.
    Recorded,
    /// The work is no longer wanted; nothing of it was written.
    Abandoned,
    /// The job cannot go on, and this is what its owner is told.
    JobFault(String),
}

/// Why a document has no translation into one target or any.
enum NotTranslated {
    Fault(DocumentFault),
    Stopped,
}

/// What is known of a document once it was taken apart.
struct Opened {
    document: Document,
    source: LanguageCode,
    is_detected: bool,
}

/// A document's part of what may be in hand at once.
struct Room<'a> {
    _document: Turn,
    _kilobytes: SemaphorePermit<'a>,
}

type Translation = Result<Translated, DocumentFault>;

impl Runner {
    pub(super) async fn document(&self, unit: &UnitInHand, index: usize) -> DocumentEnd {
        let input = &unit.lease.unit.documents[index];
        let translated = tokio::select! {
            biased;
            // Waiting for a turn, for the storage or for an engine ends here at once.
            () = unit.stop.raised() => Err(NotTranslated::Stopped),
            translated = self.translated(unit, input) => translated,
        };
        let (opened, mut translations, _room) = match translated {
            Ok(translated) => translated,
            Err(NotTranslated::Stopped) => return DocumentEnd::Abandoned,
            Err(NotTranslated::Fault(fault)) => {
                let faults = vec![Err(fault); unit.lease.job.request.targets.len()];
                record(unit, index, None, &faults);
                return DocumentEnd::Recorded;
            }
        };
        if let Err(fault) = self.write(unit, input, &mut translations).await {
            return DocumentEnd::JobFault(fault);
        }
        record(unit, index, Some(&opened), &translations);
        DocumentEnd::Recorded
    }

    /// A document in all its targets, and the room it takes until it is written.
    async fn translated(
        &self,
        unit: &UnitInHand,
        input: &InputDocument,
    ) -> Result<(Opened, Vec<Translation>, Room<'_>), NotTranslated> {
        if DOCUMENT_BYTES_MAX < input.size_bytes {
            return Err(NotTranslated::Fault(DocumentFault::invalid(format!(
                "Document size exceeds the limit of {} MB",
                DOCUMENT_BYTES_MAX >> 20
            ))));
        }
        let room = self.room(&unit.lease.job, input.size_bytes).await;
        let opened = self.open(unit, input).await?;
        let targets = &unit.lease.job.request.targets;
        let mut translations = Vec::with_capacity(targets.len());
        for &target in targets {
            match self.translate(unit, &opened, target).await {
                Ok(translated) => translations.push(Ok(translated)),
                Err(NotTranslated::Fault(fault)) => translations.push(Err(fault)),
                Err(NotTranslated::Stopped) => return Err(NotTranslated::Stopped),
            }
        }
        Ok((opened, translations, room))
    }

    /// Waits until one more document of this size may be in hand.
    async fn room(&self, job: &Job, size_bytes: u64) -> Room<'_> {
        let kilobytes = u32::try_from(size_bytes / 1024 + 1).unwrap_or(u32::MAX);
        let kilobytes = kilobytes.min(DOCUMENT_KILOBYTES_IN_HAND_MAX);
        let open = "the semaphore lives as long as the runner and is never closed";
        Room {
            _document: self.documents.take(job.id.as_str()).await,
            _kilobytes: self.document_kilobytes.acquire_many(kilobytes).await.expect(open),
        }
    }

    /// Reads a document and takes it apart.
    async fn open(
        &self,
        unit: &UnitInHand,
        input: &InputDocument,
    ) -> Result<Opened, NotTranslated> {
        let job = &unit.lease.job;
        let invalid = |message: String| NotTranslated::Fault(DocumentFault::invalid(message));
        let (access, place) = (access(job), &job.request.input);
        let key = format!("{}{}", place.folder(), input.path);
        let etag = Some(input.etag.as_str());
        let bytes = retried(&unit.stop, || {
            self.objects.get(&access, place.bucket(), &key, etag, DOCUMENT_BYTES_MAX)
        })
        .await
        .map_err(|err| invalid(format!("The document could not be read: {err}")))?;
        let document = self
            .translator
            .open(job.request.content_type, bytes)
            .map_err(|err| NotTranslated::Fault(err.into()))?;
        match job.request.source {
            Source::Language(source) => Ok(Opened { document, source, is_detected: false }),
            // In a text without anything to translate any language will do.
            Source::Auto if document.blocks().is_empty() => {
                let source = job.request.targets[0];
                Ok(Opened { document, source, is_detected: false })
            }
            Source::Auto => {
                let detection = self.translator.detect(&document).ok_or_else(|| {
                    NotTranslated::Fault(DocumentFault {
                        code: FaultCode::DetectedLanguageLowConfidence,
                        message: "The language of the document could not be detected: \
                                  name it as SourceLanguageCode"
                            .to_owned(),
                    })
                })?;
                let source = detection.language;
                Ok(Opened { document, source, is_detected: true })
            }
        }
    }

    async fn translate(
        &self,
        unit: &UnitInHand,
        opened: &Opened,
        target: LanguageCode,
    ) -> Result<Translated, NotTranslated> {
        let pair = LanguagePair { source: opened.source, target };
        let lane = Lane::Job(unit.lease.job.id.as_str().to_owned());
        let style = style(unit.lease.job.request.settings.unwrap_or_default());
        let translated = self.translator.document(&opened.document, pair, style, &lane).await;
        let translated = translated.map_err(|err| match err {
            TranslateError::UnsupportedPair(pair) => NotTranslated::Fault(DocumentFault {
                code: FaultCode::UnsupportedLanguagePair,
                message: format!("Unsupported language pair: {pair}."),
            }),
            TranslateError::Document(err) => NotTranslated::Fault(err.into()),
            TranslateError::Engine(err) => {
                tracing::error!(job.id = %unit.lease.job.id, error = %err, "an engine failed");
                NotTranslated::Fault(DocumentFault::internal("The translation engine failed"))
            }
        })?;
        if translated.is_unchanged {
            return Err(NotTranslated::Fault(DocumentFault::internal(
                "The translation engine left the document as it was",
            )));
        }
        Ok(translated)
    }

    /// Writes the translations; one that cannot be written becomes a fault.
    ///
    /// # Errors
    ///
    /// What the job's owner is told when nothing can be written at all.
    async fn write(
        &self,
        unit: &UnitInHand,
        input: &InputDocument,
        translations: &mut [Translation],
    ) -> Result<(), String> {
        let job = &unit.lease.job;
        let options = put_options(job, job.request.content_type.as_str());
        let (access, place) = (access(job), job.output_folder());
        let (bucket, folder) = (place.bucket(), place.folder());
        let mut written: Vec<String> = Vec::new();
        // Once it is begun the document is written for all targets, stop or not.
        let never = Stop::default();
        for (target, translation) in job.request.targets.iter().zip(translations) {
            let Ok(translated) = translation else { continue };
            let bytes = &translated.bytes;
            let key = format!("{folder}{}", input.output_path(target.as_str()));
            let put = || self.objects.put(&access, bucket, &key, bytes.clone(), &options);
            match retried(&never, put).await {
                Ok(()) => written.push(key),
                Err(err) if concerns_the_place(&err) => {
                    // The document is not processed, so nothing of it may be left.
                    for key in &written {
                        let _removed = self.objects.delete(&access, bucket, key).await;
                    }
                    return Err(unwritable(&err));
                }
                Err(err) => *translation = Err(unwritten(&err)),
            }
        }
        Ok(())
    }
}

fn style(settings: Settings) -> Style {
    Style { formality: settings.formality, is_brief: settings.is_brief }
}

/// How the objects of a job are written.
pub(super) fn put_options(job: &Job, content_type: &str) -> PutOptions {
    PutOptions {
        content_type: Some(content_type.to_owned()),
        kms_key_id: job.request.encryption_key.as_ref().map(|key| key.id.clone()),
    }
}

fn unwritten(err: &ObjectsError) -> DocumentFault {
    DocumentFault::internal(format!("The translation could not be written: {err}"))
}

fn record(unit: &UnitInHand, index: usize, opened: Option<&Opened>, translations: &[Translation]) {
    let characters = opened.map_or(0, |opened| opened.document.characters());
    unit.update(|progress| {
        progress.done[index] = true;
        if let Some(opened) = opened.filter(|opened| opened.is_detected) {
            progress.detected(index, opened.source);
        }
        for (target, translation) in translations.iter().enumerate() {
            match translation {
                Ok(translated) => {
                    progress.characters[target] += characters;
                    if 0 < translated.untranslated {
                        let sentences = translated.untranslated;
                        progress.untranslated.push(Untranslated {
                            document: index,
                            target,
                            sentences,
                        });
                    }
                }
                Err(fault) => progress.faults.push(TargetFault {
                    document: index,
                    target,
                    fault: fault.clone(),
                }),
            }
        }
    });
    let outcome = if translations.iter().all(Result::is_ok) { "translated" } else { "failed" };
    metrics::counter!("metaphrast_documents_total", "outcome" => outcome).increment(1);
    let Some(opened) = opened else { return };
    let targets = &unit.lease.job.request.targets;
    for (&target, _) in targets.iter().zip(translations).filter(|(_, it)| it.is_ok()) {
        let pair = format!("{}-{target}", opened.source);
        metrics::counter!("CharacterCount", "LanguagePair" => pair).increment(characters);
    }
}
