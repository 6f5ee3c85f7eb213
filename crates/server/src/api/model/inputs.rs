//! What each operation takes: its members in the order of the published model.

use super::shapes::{
    CLIENT_TOKEN, CONTENT_TYPE, IAM_ROLE_ARN, INPUT_DATA_CONFIG, JOB_ID, JOB_NAME, JOB_STATUS,
    LANGUAGE_CODE, MAX_RESULTS, NEXT_TOKEN, OUTPUT_DATA_CONFIG, RESOURCE_NAMES,
    TARGET_LANGUAGE_CODES, TIMESTAMP, TRANSLATION_SETTINGS,
};
use super::{Member, Shape, one_of, optional, required, text};

/// Takes a whole job.
pub static START_TEXT_TRANSLATION_JOB: &[Member] = &[
    optional("JobName", &JOB_NAME),
    required("InputDataConfig", &INPUT_DATA_CONFIG),
    required("OutputDataConfig", &OUTPUT_DATA_CONFIG),
    required("DataAccessRoleArn", &IAM_ROLE_ARN),
    required("SourceLanguageCode", &LANGUAGE_CODE),
    required("TargetLanguageCodes", &TARGET_LANGUAGE_CODES),
    optional("TerminologyNames", &RESOURCE_NAMES),
    optional("ParallelDataNames", &RESOURCE_NAMES),
    required("ClientToken", &CLIENT_TOKEN),
    optional("Settings", &TRANSLATION_SETTINGS),
];

/// Takes a job's id.
pub static DESCRIBE_TEXT_TRANSLATION_JOB: &[Member] = &[required("JobId", &JOB_ID)];

/// Takes a filter and a page.
pub static LIST_TEXT_TRANSLATION_JOBS: &[Member] = &[
    optional("Filter", &JOB_FILTER),
    optional("NextToken", &NEXT_TOKEN),
    optional("MaxResults", &MAX_RESULTS),
];
static JOB_FILTER: Shape = Shape::Structure(JOB_FILTER_MEMBERS);
static JOB_FILTER_MEMBERS: &[Member] = &[
    optional("JobName", &JOB_NAME),
    optional("JobStatus", &JOB_STATUS),
    optional("SubmittedBeforeTime", &TIMESTAMP),
    optional("SubmittedAfterTime", &TIMESTAMP),
];

/// Takes a job's id.
pub static STOP_TEXT_TRANSLATION_JOB: &[Member] = &[required("JobId", &JOB_ID)];

/// Takes a display language and a page.
pub static LIST_LANGUAGES: &[Member] = &[
    // The model has an enumeration here. The operation knows it, because a value
    // outside it draws an error of its own.
    optional("DisplayLanguageCode", &ANY_TEXT),
    optional("NextToken", &NEXT_TOKEN),
    optional("MaxResults", &MAX_RESULTS),
];
static ANY_TEXT: Shape = one_of(&[]);

/// Takes a document and its languages.
pub static TRANSLATE_DOCUMENT: &[Member] = &[
    required("Document", &DOCUMENT),
    optional("TerminologyNames", &RESOURCE_NAMES),
    required("SourceLanguageCode", &LANGUAGE_CODE),
    required("TargetLanguageCode", &LANGUAGE_CODE),
    optional("Settings", &TRANSLATION_SETTINGS),
];
static DOCUMENT: Shape = Shape::Structure(DOCUMENT_MEMBERS);
static DOCUMENT_MEMBERS: &[Member] =
    &[required("Content", &DOCUMENT_CONTENT), required("ContentType", &CONTENT_TYPE)];
static DOCUMENT_CONTENT: Shape = Shape::Blob { bytes_max: 102_400 };

/// Takes a text and its languages.
pub static TRANSLATE_TEXT: &[Member] = &[
    // The model has a limit here. The operation knows it, because a longer text
    // draws an error of its own.
    required("Text", &TEXT),
    optional("TerminologyNames", &RESOURCE_NAMES),
    required("SourceLanguageCode", &LANGUAGE_CODE),
    required("TargetLanguageCode", &LANGUAGE_CODE),
    optional("Settings", &TRANSLATION_SETTINGS),
];
static TEXT: Shape = text(1, usize::MAX);
