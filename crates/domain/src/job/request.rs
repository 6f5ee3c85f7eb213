//! A valid wish for a job: the rules that need nothing but the request itself.
//!
//! The order of the checks is that of the API specification; the two halves
//! stand apart because resources are looked up between them.

use crate::language::{LanguageCode, LanguagePair, UnknownLanguage};
use crate::location::S3Location;

/// The most target languages of a job.
pub const TARGETS_MAX: usize = 10;

/// What kind of documents a job takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentType {
    /// `text/plain`
    Text,
    /// `text/html`
    Html,
    /// Word
    Docx,
    /// PowerPoint
    Pptx,
    /// Excel
    Xlsx,
    /// XLIFF 1.2
    Xliff,
}

impl ContentType {
    const ALL: [Self; 6] =
        [Self::Text, Self::Html, Self::Docx, Self::Pptx, Self::Xlsx, Self::Xliff];

    /// The MIME type, which is compared exactly.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text/plain",
            Self::Html => "text/html",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Pptx => {
                "application/vnd.openxmlformats-officedocument.presentationml.presentation"
            }
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Xliff => "application/x-xliff+xml",
        }
    }

    /// The type of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|content_type| content_type.as_str() == name)
    }
}

/// The language of the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Each document's language is detected.
    Auto,
    /// All documents are in this language.
    Language(LanguageCode),
}

impl Source {
    /// The code, or `auto`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => LanguageCode::AUTO,
            Self::Language(code) => code.as_str(),
        }
    }

    /// The source of this name.
    pub fn from_name(name: &str) -> Result<Self, UnknownLanguage> {
        match name {
            LanguageCode::AUTO => Ok(Self::Auto),
            code => Ok(Self::Language(code.parse()?)),
        }
    }
}

/// The key of the storage under which the output is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptionKey {
    /// Its id, ARN or alias. The only type is KMS.
    pub id: String,
}

/// How formally the reader is addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Formality {
    /// As a stranger.
    Formal,
    /// As a friend.
    Informal,
}

/// Wishes about the translation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// How to address the reader.
    pub formality: Option<Formality>,
    /// Whether profane words are masked.
    pub masks_profanity: bool,
    /// Whether the translation shall be shorter than usual.
    pub is_brief: bool,
}

/// A request as it came, its parts already of the right form.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The caller's name for the job.
    pub name: Option<String>,
    /// The folder of documents.
    pub input: S3Location,
    /// Their MIME type.
    pub content_type: String,
    /// Where the job's folder is made.
    pub output: S3Location,
    /// The key for the output.
    pub encryption_key: Option<EncryptionKey>,
    /// The role with which the storage is reached.
    pub role_arn: String,
    /// The language of the documents, or `auto`.
    pub source: String,
    /// The languages to translate into.
    pub targets: Vec<String>,
    /// Names of terminologies.
    pub terminologies: Vec<String>,
    /// Names of parallel data.
    pub parallel_data: Vec<String>,
    /// Wishes about the translation; `None` when none were given.
    pub settings: Option<Settings>,
}

/// A valid wish for a job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobRequest {
    /// The caller's name for the job, not unique.
    pub name: Option<String>,
    /// The folder of documents.
    pub input: S3Location,
    /// What they are.
    pub content_type: ContentType,
    /// Where the job's folder is made.
    pub output: S3Location,
    /// The key for the output.
    pub encryption_key: Option<EncryptionKey>,
    /// The role with which the storage is reached.
    pub role_arn: String,
    /// The language of the documents.
    pub source: Source,
    /// The languages to translate into: 1 to [`TARGETS_MAX`], none twice.
    pub targets: Vec<LanguageCode>,
    /// At most one name of a terminology.
    pub terminologies: Vec<String>,
    /// At most one name of parallel data.
    pub parallel_data: Vec<String>,
    /// Wishes about the translation; `None` when none were given.
    pub settings: Option<Settings>,
}

/// Why a request is refused for what it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// Not one of the six types.
    #[error(
        "content type '{0}' is not supported for batch jobs: use text/plain, text/html, \
         the types of docx, pptx and xlsx, or application/x-xliff+xml"
    )]
    ContentType(String),
    /// More than [`TARGETS_MAX`].
    #[error("a job has at most {TARGETS_MAX} target languages, and this one has {0}")]
    TooManyTargets(usize),
    /// One target stands twice.
    #[error("target language '{0}' is given twice")]
    RepeatedTarget(String),
    /// The source is not in the list.
    #[error(
        "Unsupported language pair: {source_code} to {target}. \
         Source language '{source_code}' is not supported"
    )]
    UnknownSource {
        /// The source as given.
        source_code: String,
        /// The first target as given.
        target: String,
    },
    /// A target is not in the list.
    #[error(
        "Unsupported language pair: {source_code} to {target}. \
         Target language '{target}' is not supported"
    )]
    UnknownTarget {
        /// The source as given.
        source_code: String,
        /// The first bad target.
        target: String,
    },
    /// More than one name where one is allowed.
    #[error("a job takes at most one {0}, and this request names {1}")]
    TooManyNames(&'static str, usize),
    /// Brevity is for real-time text alone.
    #[error("the setting Brevity is not supported for batch jobs: leave it out")]
    Brevity,
    /// The input is the top of a bucket.
    #[error("the input '{0}' is the top of a bucket: name a folder inside it")]
    InputWithoutFolder(String),
}

impl JobRequest {
    /// Reads what each member says by itself: types, languages, how many of each.
    pub fn parse(draft: Draft) -> Result<Self, InvalidRequest> {
        let content_type = ContentType::from_name(&draft.content_type)
            .ok_or(InvalidRequest::ContentType(draft.content_type))?;
        if TARGETS_MAX < draft.targets.len() {
            return Err(InvalidRequest::TooManyTargets(draft.targets.len()));
        }
        for (index, target) in draft.targets.iter().enumerate() {
            if draft.targets[..index].contains(target) {
                return Err(InvalidRequest::RepeatedTarget(target.clone()));
            }
        }
        let (source, targets) = languages(&draft.source, &draft.targets)?;
        for (what, names) in
            [("terminology", &draft.terminologies), ("parallel data", &draft.parallel_data)]
        {
            if 1 < names.len() {
                return Err(InvalidRequest::TooManyNames(what, names.len()));
            }
        }
        Ok(Self {
            name: draft.name,
            input: draft.input,
            content_type,
            output: draft.output,
            encryption_key: draft.encryption_key,
            role_arn: draft.role_arn,
            source,
            targets,
            terminologies: draft.terminologies,
            parallel_data: draft.parallel_data,
            settings: draft.settings,
        })
    }

    /// Checks what can only be said of the request as a whole.
    pub fn check_feasible(&self) -> Result<(), InvalidRequest> {
        if self.settings.is_some_and(|settings| settings.is_brief) {
            return Err(InvalidRequest::Brevity);
        }
        if self.input.folder().is_empty() {
            return Err(InvalidRequest::InputWithoutFolder(self.input.as_str().to_owned()));
        }
        Ok(())
    }

    /// The pairs that are certain to be needed: none when the source is detected.
    pub fn pairs(&self) -> impl Iterator<Item = LanguagePair> {
        let source = match self.source {
            Source::Auto => None,
            Source::Language(code) => Some(code),
        };
        source.into_iter().flat_map(move |source| {
            self.targets.iter().map(move |&target| LanguagePair { source, target })
        })
    }
}

fn languages(
    source_code: &str,
    targets: &[String],
) -> Result<(Source, Vec<LanguageCode>), InvalidRequest> {
    let source = Source::from_name(source_code).map_err(|_| InvalidRequest::UnknownSource {
        source_code: source_code.to_owned(),
        target: targets.first().cloned().unwrap_or_default(),
    })?;
    let targets = targets
        .iter()
        .map(|target| {
            target.parse().map_err(|_| InvalidRequest::UnknownTarget {
                source_code: source_code.to_owned(),
                target: target.clone(),
            })
        })
        .collect::<Result<Vec<LanguageCode>, _>>()?;
    Ok((source, targets))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> Draft {
        Draft {
            name: None,
            input: "s3://bucket/in".parse().unwrap(),
            content_type: "text/plain".to_owned(),
            output: "s3://bucket".parse().unwrap(),
            encryption_key: None,
            role_arn: "arn:aws:iam::111122223333:role/x".to_owned(),
            source: "en".to_owned(),
            targets: vec!["fr".to_owned()],
            terminologies: vec![],
            parallel_data: vec![],
            settings: None,
        }
    }

    fn check(change: impl FnOnce(&mut Draft), expected: &InvalidRequest) {
        let mut draft = draft();
        change(&mut draft);
        let refused =
            JobRequest::parse(draft).and_then(|request| request.check_feasible()).unwrap_err();
        assert_eq!(&refused, expected);
    }

    #[test]
    fn what_is_wrong_is_named() {
        check(
            |draft| draft.content_type = "application/pdf".to_owned(),
            &InvalidRequest::ContentType("application/pdf".to_owned()),
        );
        check(
            |draft| draft.targets = vec!["fr".to_owned(); 11],
            &InvalidRequest::TooManyTargets(11),
        );
        check(
            |draft| draft.targets = vec!["fr".to_owned(); 2],
            &InvalidRequest::RepeatedTarget("fr".to_owned()),
        );
        check(
            |draft| draft.source = "xx".to_owned(),
            &InvalidRequest::UnknownSource {
                source_code: "xx".to_owned(),
                target: "fr".to_owned(),
            },
        );
        for bad in ["xx", "auto", "zh-tw", "EN"] {
            check(
                |draft| draft.targets.push(bad.to_owned()),
                &InvalidRequest::UnknownTarget {
                    source_code: "en".to_owned(),
                    target: bad.to_owned(),
                },
            );
        }
        check(
            |draft| draft.terminologies = vec!["a".to_owned(), "b".to_owned()],
            &InvalidRequest::TooManyNames("terminology", 2),
        );
        check(
            |draft| draft.settings = Some(Settings { is_brief: true, ..Settings::default() }),
            &InvalidRequest::Brevity,
        );
        check(
            |draft| draft.input = "s3://bucket/".parse().unwrap(),
            &InvalidRequest::InputWithoutFolder("s3://bucket/".to_owned()),
        );
    }

    #[test]
    fn the_messages_are_those_the_service_sends() {
        let error =
            InvalidRequest::UnknownTarget { source_code: "en".to_owned(), target: "ef".to_owned() };
        assert_eq!(
            error.to_string(),
            "Unsupported language pair: en to ef. Target language 'ef' is not supported"
        );
    }

    #[test]
    fn an_auto_job_has_no_certain_pairs() {
        let mut draft = draft();
        assert_eq!(JobRequest::parse(draft.clone()).unwrap().pairs().count(), 1);
        draft.source = "auto".to_owned();
        assert_eq!(JobRequest::parse(draft).unwrap().pairs().count(), 0);
    }
}
