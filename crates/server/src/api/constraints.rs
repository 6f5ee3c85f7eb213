//! The model's limits, applied to values of the right types and reported together.
//!
//! The wording is the service's own, because clients and their tests match on it.
//!
//! Start reading at [`check`].

use std::fmt;

use serde_json::{Map, Value};

use super::error::ApiError;
use super::model::{Member, Pattern, Shape};

/// The most broken limits that one answer names.
const VIOLATIONS_MAX: usize = 10;
/// The most characters of a value that an answer repeats. Longer than any legal
/// value that can be shown, so that only the absurd is cut.
const SHOWN_CHARACTERS_MAX: usize = 10_000;

const NOT_NULL: &str = "Member must not be null";

/// Holds `values` against the limits of `members`.
///
/// # Errors
///
/// [`ApiError::Validation`] names what is broken in the order of the model, at
/// most ten.
pub(super) fn check(members: &[Member], values: &Map<String, Value>) -> Result<(), ApiError> {
    let mut violations = Violations(Vec::new());
    violations.check_members("", members, values);
    let violations = violations.0;
    let heading = match violations.len() {
        0 => return Ok(()),
        1 => "1 validation error detected".to_owned(),
        count => format!("{count} validation errors detected"),
    };
    Err(ApiError::Validation(format!("{heading}: {}", violations.join("; "))))
}

/// One limit of a shape.
#[derive(Clone, Copy)]
enum Limit {
    LengthMax(usize),
    LengthMin(usize),
    ValueMin(i64),
    ValueMax(i64),
    Pattern(&'static Pattern),
    Values(&'static [&'static str]),
}

impl Limit {
    /// All limits of `shape`, in the order in which a list names those of its elements.
    fn all(shape: &Shape) -> Vec<Self> {
        let length = |min: usize, max: usize| {
            let longest = (max < usize::MAX).then_some(Self::LengthMax(max));
            let shortest = (0 < min).then_some(Self::LengthMin(min));
            longest.into_iter().chain(shortest)
        };
        match shape {
            Shape::Text { characters_min, characters_max, pattern, values } => {
                length(*characters_min, *characters_max)
                    .chain(pattern.map(Self::Pattern))
                    .chain((!values.is_empty()).then_some(Self::Values(values)))
                    .collect()
            }
            Shape::Integer { min, max } => vec![Self::ValueMin(*min), Self::ValueMax(*max)],
            Shape::Blob { bytes_max } => length(0, *bytes_max).collect(),
            Shape::List { element: _, length_min, length_max } => {
                length(*length_min, *length_max).collect()
            }
            Shape::Timestamp | Shape::Structure(_) => vec![],
        }
    }

    /// Whether `value`, which is of the right type, keeps this limit.
    fn is_kept_by(self, shape: &Shape, value: &Value) -> bool {
        match self {
            Self::LengthMax(max) => length(shape, value) <= max,
            Self::LengthMin(min) => min <= length(shape, value),
            Self::ValueMin(min) => value.as_i64().is_some_and(|value| min <= value),
            Self::ValueMax(max) => value.as_i64().is_some_and(|value| value <= max),
            Self::Pattern(pattern) => value.as_str().is_some_and(|value| pattern.matches(value)),
            Self::Values(values) => value.as_str().is_some_and(|value| values.contains(&value)),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LengthMax(max) => {
                write!(f, "Member must have length less than or equal to {max}")
            }
            Self::LengthMin(min) => {
                write!(f, "Member must have length greater than or equal to {min}")
            }
            Self::ValueMin(min) => {
                write!(f, "Member must have value greater than or equal to {min}")
            }
            Self::ValueMax(max) => write!(f, "Member must have value less than or equal to {max}"),
            Self::Pattern(pattern) => {
                write!(f, "Member must satisfy regular expression pattern: {}", pattern.as_str())
            }
            Self::Values(values) => {
                write!(f, "Member must satisfy enum value set: [{}]", values.join(", "))
            }
        }
    }
}

/// What a length limit counts: characters, decoded bytes or elements.
fn length(shape: &Shape, value: &Value) -> usize {
    match (shape, value) {
        (Shape::Blob { .. }, Value::String(base64)) => {
            let padding = base64.bytes().rev().take_while(|&byte| byte == b'=').count();
            base64.len() / 4 * 3 - padding
        }
        (_, Value::String(text)) => text.chars().count(),
        (_, Value::Array(elements)) => elements.len(),
        (_, Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => 0,
    }
}

/// The broken limits found so far, as the caller reads them.
struct Violations(Vec<String>);

impl Violations {
    fn check_members(&mut self, prefix: &str, members: &[Member], values: &Map<String, Value>) {
        for member in members {
            let path = format!("{prefix}{}", lower_first(member.name));
            match values.get(member.name) {
                Some(value) => self.check_value(&path, member.shape, value),
                None if member.is_required => self.add("null", &path, NOT_NULL),
                None => (),
            }
        }
    }

    fn check_value(&mut self, path: &str, shape: &Shape, value: &Value) {
        for limit in Limit::all(shape) {
            if !limit.is_kept_by(shape, value) {
                self.add(&shown(shape, value), path, &limit.to_string());
            }
        }
        match (shape, value) {
            (Shape::Structure(members), Value::Object(values)) => {
                self.check_members(&format!("{path}."), members, values);
            }
            (Shape::List { element: Shape::Structure(members), .. }, Value::Array(elements)) => {
                for (index, element) in elements.iter().enumerate() {
                    let path = format!("{path}.{}.member", index + 1);
                    match element.as_object() {
                        Some(values) => {
                            self.check_members(&format!("{path}."), members, values);
                        }
                        None => self.add("null", &path, NOT_NULL),
                    }
                }
            }
            (Shape::List { element, .. }, Value::Array(elements)) => {
                self.check_elements(path, shape, element, value, elements);
            }
            (
                Shape::Text { .. }
                | Shape::Integer { .. }
                | Shape::Timestamp
                | Shape::Blob { .. }
                | Shape::List { .. }
                | Shape::Structure(_),
                _,
            ) => (),
        }
    }

    /// Reports the elements of a list once, on the list, with all that is asked of each.
    fn check_elements(
        &mut self,
        path: &str,
        shape: &Shape,
        element: &Shape,
        list: &Value,
        elements: &[Value],
    ) {
        let limits = Limit::all(element);
        let has_null = elements.iter().any(Value::is_null);
        let is_kept = |value: &Value| limits.iter().all(|limit| limit.is_kept_by(element, value));
        if !has_null && elements.iter().all(is_kept) {
            return;
        }
        let mut texts: Vec<String> = limits.iter().map(Limit::to_string).collect();
        if has_null {
            texts.push(NOT_NULL.to_owned());
        }
        let constraint = format!("Member must satisfy constraint: [{}]", texts.join(", "));
        self.add(&shown(shape, list), path, &constraint);
    }

    fn add(&mut self, value: &str, path: &str, constraint: &str) {
        if self.0.len() < VIOLATIONS_MAX {
            let value = match value {
                "" => String::new(),
                value => format!("{value} "),
            };
            self.0.push(format!(
                "Value {value}at '{path}' failed to satisfy constraint: {constraint}"
            ));
        }
    }
}

/// A value as an answer shows it: in quotation marks, or not at all if it is sensitive.
fn shown(shape: &Shape, value: &Value) -> String {
    let text = match shape {
        Shape::Blob { .. } => return String::new(),
        Shape::Text { .. }
        | Shape::Integer { .. }
        | Shape::Timestamp
        | Shape::List { .. }
        | Shape::Structure(_) => plain(value),
    };
    match text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        Some((end, _)) => format!("'{}…'", &text[..end]),
        None => format!("'{text}'"),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(elements) => {
            let elements: Vec<String> = elements.iter().map(plain).collect();
            format!("[{}]", elements.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        format!("{}{}", first.to_ascii_lowercase(), letters.as_str())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Operation, decode};
    use super::*;

    fn message(operation: Operation, body: &Value) -> String {
        match decode::read(operation.input(), body.to_string().as_bytes()) {
            Err(ApiError::Validation(message)) => message,
            other => panic!("{body} is read as {other:?}"),
        }
    }

    fn check(operation: Operation, body: &Value, violations: &[&str]) {
        let heading = match violations.len() {
            1 => "1 validation error detected".to_owned(),
            count => format!("{count} validation errors detected"),
        };
        assert_eq!(message(operation, body), format!("{heading}: {}", violations.join("; ")));
    }

    #[test]
    fn a_job_id_has_its_limits() {
        let check = |id: Value, violation: &str| {
            check(Operation::StopTextTranslationJob, &json!({ "JobId": id }), &[violation]);
        };
        check(
            json!(""),
            "Value '' at 'jobId' failed to satisfy constraint: Member must have length greater \
             than or equal to 1",
        );
        check(
            json!("a".repeat(33)),
            "Value 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' at 'jobId' failed to satisfy constraint: \
             Member must have length less than or equal to 32",
        );
        check(
            json!("a*b"),
            r"Value 'a*b' at 'jobId' failed to satisfy constraint: Member must satisfy regular expression pattern: ^([\p{L}\p{Z}\p{N}_.:/=+\-%@]*)$",
        );
        check(
            json!(null),
            "Value null at 'jobId' failed to satisfy constraint: Member must not be null",
        );
    }

    #[test]
    fn lengths_count_unicode_scalar_values() {
        let read = |id: String| {
            let body = json!({ "JobId": id }).to_string();
            decode::read(Operation::StopTextTranslationJob.input(), body.as_bytes())
        };
        assert!(read("日".repeat(32)).is_ok());
        assert!(read("日".repeat(33)).is_err());
    }

    #[test]
    fn numbers_have_a_range() {
        let check = |number: Value, violation: &str| {
            let body = json!({ "MaxResults": number });
            check(Operation::ListTextTranslationJobs, &body, &[violation]);
        };
        let low = "Member must have value greater than or equal to 1";
        let high = "Member must have value less than or equal to 500";
        for (number, shown, limit) in [
            (json!(0), "0", low),
            (json!(0.9), "0", low),
            (json!(-3), "-3", low),
            (json!(501), "501", high),
            (json!(4_294_967_297_i64), "4294967297", high),
            (json!(1e300), "9223372036854775807", high),
            (json!(-1e300), "-9223372036854775808", low),
        ] {
            let violation =
                format!("Value '{shown}' at 'maxResults' failed to satisfy constraint: {limit}");
            check(number, &violation);
        }
    }

    fn start() -> Value {
        json!({
            "InputDataConfig": { "S3Uri": "s3://bucket/in", "ContentType": "text/plain" },
            "OutputDataConfig": { "S3Uri": "s3://bucket/out" },
            "DataAccessRoleArn": "arn:aws:iam::111122223333:role/x",
            "SourceLanguageCode": "en",
            "TargetLanguageCodes": ["fr"],
            "ClientToken": "a",
        })
    }

    fn check_start(pointer: &str, value: Value, violations: &[&str]) {
        let mut body = start();
        match body.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => body[pointer.trim_start_matches('/')] = value,
        }
        check(Operation::StartTextTranslationJob, &body, violations);
    }

    #[test]
    fn a_valid_request_passes() {
        let body = start().to_string();
        assert!(decode::read(Operation::StartTextTranslationJob.input(), body.as_bytes()).is_ok());
    }

    #[test]
    fn nested_members_are_named_by_their_path() {
        check_start(
            "/InputDataConfig/S3Uri",
            json!("http://x"),
            &[
                r"Value 'http://x' at 'inputDataConfig.s3Uri' failed to satisfy constraint: Member must satisfy regular expression pattern: s3://[a-z0-9][\.\-a-z0-9]{1,61}[a-z0-9](/.*)?",
            ],
        );
        check_start(
            "/InputDataConfig/ContentType",
            json!("text/html; charset=utf-8"),
            &[
                r"Value 'text/html; charset=utf-8' at 'inputDataConfig.contentType' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[-\w.]+\/[-\w.+]+$",
            ],
        );
        check_start(
            "/OutputDataConfig",
            json!({ "S3Uri": "s3://abc", "EncryptionKey": {} }),
            &[
                "Value null at 'outputDataConfig.encryptionKey.type' failed to satisfy \
                 constraint: Member must not be null",
                "Value null at 'outputDataConfig.encryptionKey.id' failed to satisfy constraint: \
                 Member must not be null",
            ],
        );
    }

    #[test]
    fn members_of_a_start_request_have_their_limits() {
        check_start(
            "/DataAccessRoleArn",
            json!("arn:aws:iam::1:role/x"),
            &["Value 'arn:aws:iam::1:role/x' at 'dataAccessRoleArn' failed to satisfy \
               constraint: Member must satisfy regular expression pattern: \
               arn:aws(-[^:]+)?:iam::[0-9]{12}:role/.+"],
        );
        check_start(
            "/ClientToken",
            json!(null),
            &["Value null at 'clientToken' failed to satisfy constraint: Member must not be null"],
        );
        check_start(
            "/Settings",
            json!({ "Formality": "X" }),
            &["Value 'X' at 'settings.formality' failed to satisfy constraint: Member must \
               satisfy enum value set: [FORMAL, INFORMAL]"],
        );
        check_start(
            "/DataAccessRoleArn",
            json!(""),
            &[
                "Value '' at 'dataAccessRoleArn' failed to satisfy constraint: Member must have \
                 length greater than or equal to 20",
                "Value '' at 'dataAccessRoleArn' failed to satisfy constraint: Member must \
                 satisfy regular expression pattern: arn:aws(-[^:]+)?:iam::[0-9]{12}:role/.+",
            ],
        );
    }

    #[test]
    fn elements_are_reported_once_on_their_list() {
        check_start(
            "/TerminologyNames",
            json!(["a", "a__b", "_c"]),
            &["Value '[a, a__b, _c]' at 'terminologyNames' failed to satisfy constraint: Member \
               must satisfy constraint: [Member must have length less than or equal to 256, \
               Member must have length greater than or equal to 1, Member must satisfy regular \
               expression pattern: ^([A-Za-z0-9-]_?)+$]"],
        );
        check_start(
            "/TargetLanguageCodes",
            json!(["fr", null]),
            &["Value '[fr, null]' at 'targetLanguageCodes' failed to satisfy constraint: Member \
               must satisfy constraint: [Member must have length less than or equal to 5, \
               Member must have length greater than or equal to 2, Member must not be null]"],
        );
        check_start(
            "/TargetLanguageCodes",
            json!([]),
            &["Value '[]' at 'targetLanguageCodes' failed to satisfy constraint: Member must \
               have length greater than or equal to 1"],
        );
        let names = json!(["a_b-C9", "a_"]);
        let mut body = start();
        body["TerminologyNames"] = names;
        let body = body.to_string();
        assert!(decode::read(Operation::StartTextTranslationJob.input(), body.as_bytes()).is_ok());
    }

    #[test]
    fn everything_missing_is_reported_in_the_models_order() {
        let missing = |name: &str| {
            format!("Value null at '{name}' failed to satisfy constraint: Member must not be null")
        };
        let names = [
            "inputDataConfig",
            "outputDataConfig",
            "dataAccessRoleArn",
            "sourceLanguageCode",
            "targetLanguageCodes",
            "clientToken",
        ];
        let violations: Vec<String> = names.into_iter().map(missing).collect();
        let violations: Vec<&str> = violations.iter().map(String::as_str).collect();
        check(Operation::StartTextTranslationJob, &json!({}), &violations);
    }

    #[test]
    fn at_most_ten_are_reported() {
        let empty = json!({ "S3Uri": "", "ContentType": "" });
        let body = json!({
            "JobName": "*", "InputDataConfig": empty, "OutputDataConfig": empty,
            "DataAccessRoleArn": "", "SourceLanguageCode": "", "TargetLanguageCodes": [],
            "TerminologyNames": [""], "ParallelDataNames": [""], "ClientToken": "",
        });
        let message = message(Operation::StartTextTranslationJob, &body);
        assert!(message.starts_with("10 validation errors detected: "), "{message}");
        assert_eq!(message.matches("; Value ").count(), 9);
    }

    static TAG_KEY: Shape =
        Shape::Text { characters_min: 1, characters_max: 128, pattern: None, values: &[] };
    static TAG: Shape =
        Shape::Structure(&[Member { name: "Key", is_required: true, shape: &TAG_KEY }]);
    static TAGS: Shape = Shape::List { element: &TAG, length_min: 0, length_max: 2 };
    static CONTENT: Shape = Shape::Blob { bytes_max: 4 };

    #[test]
    fn structures_in_lists_and_blobs_are_reported_too() {
        let members = [
            Member { name: "Tags", is_required: true, shape: &TAGS },
            Member { name: "Content", is_required: true, shape: &CONTENT },
        ];
        let values = json!({ "Tags": [{ "Key": "" }, null, {}], "Content": "AAECAwQ=" });
        let Err(ApiError::Validation(message)) = check_all(&members, &values) else {
            panic!("the limits are broken");
        };
        assert_eq!(
            message,
            "5 validation errors detected: \
             Value '[{\"Key\":\"\"}, null, {}]' at 'tags' failed to satisfy constraint: Member \
             must have length less than or equal to 2; \
             Value '' at 'tags.1.member.key' failed to satisfy constraint: Member must have \
             length greater than or equal to 1; \
             Value null at 'tags.2.member' failed to satisfy constraint: Member must not be null; \
             Value null at 'tags.3.member.key' failed to satisfy constraint: Member must not be \
             null; \
             Value at 'content' failed to satisfy constraint: Member must have length less than \
             or equal to 4"
        );
    }

    fn check_all(members: &[Member], values: &Value) -> Result<(), ApiError> {
        super::check(members, values.as_object().unwrap())
    }

    #[test]
    fn an_absurdly_long_value_is_cut() {
        let body = json!({ "JobId": "a".repeat(1_000_000) });
        assert!(message(Operation::StopTextTranslationJob, &body).len() < 11_000);
    }
}
