//! The shapes that operations share, by the names of the published model.

use super::{Member, Pattern, Shape, list, matching, one_of, optional, required, text};

pub(super) static NAME_PATTERN: Pattern = Pattern::new(r"^([\p{L}\p{Z}\p{N}_.:/=+\-%@]*)$");
pub(super) static RESOURCE_NAME_PATTERN: Pattern = Pattern::new(r"^([A-Za-z0-9-]_?)+$");
pub(super) static S3_URI_PATTERN: Pattern =
    Pattern::new(r"s3://[a-z0-9][\.\-a-z0-9]{1,61}[a-z0-9](/.*)?");
pub(super) static ROLE_ARN_PATTERN: Pattern =
    Pattern::new(r"arn:aws(-[^:]+)?:iam::[0-9]{12}:role/.+");
pub(super) static CONTENT_TYPE_PATTERN: Pattern = Pattern::new(r"^[-\w.]+\/[-\w.+]+$");
pub(super) static KEY_ID_PATTERN: Pattern = Pattern::new(concat!(
    r"(arn:aws((-us-gov)|(-iso)|(-iso-b)|(-cn))?:kms:)?",
    r"([a-z]{2}-[a-z]+(-[a-z]+)?-\d:)?(\d{12}:)?",
    r"(((key/)?[a-zA-Z0-9-_]+)|(alias/[a-zA-Z0-9:/_-]+))",
));
pub(super) static CLIENT_TOKEN_PATTERN: Pattern = Pattern::new("^[a-zA-Z0-9-]+$");
pub(super) static NEXT_TOKEN_PATTERN: Pattern = Pattern::new(r"\p{ASCII}{0,8192}");

pub(super) static JOB_ID: Shape = matching(1, 32, &NAME_PATTERN);
pub(super) static JOB_NAME: Shape = matching(1, 256, &NAME_PATTERN);
pub(super) static JOB_STATUS: Shape = one_of(&[
    "SUBMITTED",
    "IN_PROGRESS",
    "COMPLETED",
    "COMPLETED_WITH_ERROR",
    "FAILED",
    "STOP_REQUESTED",
    "STOPPED",
]);
pub(super) static S3_URI: Shape = matching(0, 1024, &S3_URI_PATTERN);
pub(super) static CONTENT_TYPE: Shape = matching(0, 256, &CONTENT_TYPE_PATTERN);
pub(super) static IAM_ROLE_ARN: Shape = matching(20, 2048, &ROLE_ARN_PATTERN);
pub(super) static LANGUAGE_CODE: Shape = text(2, 5);
pub(super) static TARGET_LANGUAGE_CODES: Shape = list(&LANGUAGE_CODE, 1, usize::MAX);
pub(super) static RESOURCE_NAME: Shape = matching(1, 256, &RESOURCE_NAME_PATTERN);
pub(super) static RESOURCE_NAMES: Shape = list(&RESOURCE_NAME, 0, usize::MAX);
pub(super) static CLIENT_TOKEN: Shape = matching(1, 64, &CLIENT_TOKEN_PATTERN);
pub(super) static NEXT_TOKEN: Shape = matching(0, 8192, &NEXT_TOKEN_PATTERN);
pub(super) static MAX_RESULTS: Shape = Shape::Integer { min: 1, max: 500 };
pub(super) static TIMESTAMP: Shape = Shape::Timestamp;

pub(super) static INPUT_DATA_CONFIG: Shape = Shape::Structure(INPUT_DATA_CONFIG_MEMBERS);
static INPUT_DATA_CONFIG_MEMBERS: &[Member] =
    &[required("S3Uri", &S3_URI), required("ContentType", &CONTENT_TYPE)];

pub(super) static OUTPUT_DATA_CONFIG: Shape = Shape::Structure(OUTPUT_DATA_CONFIG_MEMBERS);
static OUTPUT_DATA_CONFIG_MEMBERS: &[Member] =
    &[required("S3Uri", &S3_URI), optional("EncryptionKey", &ENCRYPTION_KEY)];

pub(super) static ENCRYPTION_KEY: Shape = Shape::Structure(ENCRYPTION_KEY_MEMBERS);
static ENCRYPTION_KEY_MEMBERS: &[Member] =
    &[required("Type", &ENCRYPTION_KEY_TYPE), required("Id", &ENCRYPTION_KEY_ID)];
static ENCRYPTION_KEY_TYPE: Shape = one_of(&["KMS"]);
static ENCRYPTION_KEY_ID: Shape = matching(1, 400, &KEY_ID_PATTERN);

pub(super) static TRANSLATION_SETTINGS: Shape = Shape::Structure(TRANSLATION_SETTINGS_MEMBERS);
static TRANSLATION_SETTINGS_MEMBERS: &[Member] = &[
    optional("Formality", &FORMALITY),
    optional("Profanity", &PROFANITY),
    optional("Brevity", &BREVITY),
];
static FORMALITY: Shape = one_of(&["FORMAL", "INFORMAL"]);
static PROFANITY: Shape = one_of(&["MASK"]);
static BREVITY: Shape = one_of(&["ON"]);
