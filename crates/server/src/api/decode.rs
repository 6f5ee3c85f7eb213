//! From the bytes of a body to an operation's input: first the JSON, then the
//! types of the whole tree, then the model's limits.
//!
//! What is absent, `null` and unknown is gone afterwards, so that two bodies
//! that mean the same are the same.
//!
//! Start reading at [`read`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};

use super::constraints;
use super::error::ApiError;
use super::model::{Member, Shape};

/// A body that keeps all of the model's limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked(Map<String, Value>);

/// Reads `body` as the input described by `members`.
///
/// # Errors
///
/// [`ApiError::Serialization`] for what is not JSON or not of the right types,
/// [`ApiError::Validation`] for all broken limits together.
pub fn read(members: &[Member], body: &[u8]) -> Result<Checked, ApiError> {
    // The parser bounds the depth by itself, and of two equal keys keeps the last.
    let value = serde_json::from_slice(body).map_err(|_| ApiError::Serialization(None))?;
    let given = match value {
        Value::Object(given) => given,
        Value::Array(_) => return Err(mistyped(LIST_FOUND)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            return Err(ApiError::Serialization(None));
        }
    };
    let values = typed_members(members, given)?;
    constraints::check(members, &values)?;
    Ok(Checked(values))
}

impl Checked {
    /// The input as the operation takes it.
    ///
    /// # Errors
    ///
    /// Only [`ApiError::Internal`]: the model and `T` do not fit each other.
    pub fn into_input<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        serde_json::from_value(Value::Object(self.0)).map_err(ApiError::internal)
    }

    /// A hash that is the same for the same input.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut members: Vec<(&String, &Value)> = self.0.iter().collect();
        members.sort_by_key(|(name, _)| *name);
        for (name, value) in members {
            // Inner structures are in the model's order, whatever the body's was.
            hash.update(format!("{name}={value}\n"));
        }
        hash.finalize().into()
    }
}

const LIST_FOUND: &str = "Start of list found where not expected";
const STRUCTURE_FOUND: &str = "Start of structure or map found where not expected.";

fn mistyped(message: impl Into<String>) -> ApiError {
    ApiError::Serialization(Some(message.into()))
}

/// The known members that have a value, in the model's order.
fn typed_members(
    members: &[Member],
    mut given: Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let mut values = Map::new();
    for member in members {
        match given.remove(member.name) {
            None | Some(Value::Null) => (),
            Some(value) => {
                values.insert(member.name.to_owned(), typed(member.shape, value)?);
            }
        }
    }
    Ok(values)
}

fn typed(shape: &Shape, value: Value) -> Result<Value, ApiError> {
    match (shape, value) {
        (Shape::Text { .. }, value @ Value::String(_))
        | (Shape::Timestamp, value @ Value::Number(_)) => Ok(value),
        (Shape::Integer { .. }, Value::Number(number)) => Ok(Value::Number(whole(&number))),
        (Shape::Blob { .. }, Value::String(text)) => match STANDARD.decode(&text) {
            Ok(_) => Ok(Value::String(text)),
            Err(_) => Err(mistyped("A blob must be standard base64 with padding")),
        },
        (Shape::List { element, .. }, Value::Array(elements)) => elements
            .into_iter()
            .map(|element_value| match element_value {
                // An absent element is for the limits to judge.
                Value::Null => Ok(Value::Null),
                value @ (Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_)
                | Value::Object(_)) => typed(element, value),
            })
            .collect::<Result<Vec<Value>, ApiError>>()
            .map(Value::Array),
        (Shape::Structure(members), Value::Object(given)) => {
            typed_members(members, given).map(Value::Object)
        }
        (
            Shape::Text { .. }
            | Shape::Integer { .. }
            | Shape::Timestamp
            | Shape::Blob { .. }
            | Shape::List { .. }
            | Shape::Structure(_),
            value,
        ) => Err(mistyped(complaint(shape, &value))),
    }
}

/// What is said of a value of the wrong type.
fn complaint(shape: &Shape, value: &Value) -> String {
    let wanted = match shape {
        Shape::List { .. } => return "Expected list or null".to_owned(),
        Shape::Structure(_) if value.is_array() => return LIST_FOUND.to_owned(),
        Shape::Structure(_) => return "Expected null".to_owned(),
        Shape::Text { .. } => "a String",
        Shape::Integer { .. } => "an Integer",
        Shape::Timestamp => "a Timestamp",
        Shape::Blob { .. } => "a Blob",
    };
    let found = match value {
        Value::Array(_) => return LIST_FOUND.to_owned(),
        Value::Object(_) => return STRUCTURE_FOUND.to_owned(),
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
    };
    format!("{found} can not be converted to {wanted}")
}

/// The number without its fraction. One that is too large stays too large, for
/// the limits to refuse.
fn whole(number: &Number) -> Number {
    #[expect(clippy::cast_possible_truncation, reason = "a cast cuts and saturates, as wanted")]
    let cut = |number: f64| number as i64;
    match (number.as_i64(), number.as_f64()) {
        (Some(whole), _) => whole.into(),
        (None, Some(fraction)) => cut(fraction).into(),
        (None, None) => i64::MAX.into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::Operation;
    use super::*;

    fn check(operation: &str, body: &str, message: Option<&str>) {
        let operation = Operation::from_name(operation).unwrap();
        match read(operation.input(), body.as_bytes()) {
            Err(ApiError::Serialization(found)) => assert_eq!(found.as_deref(), message, "{body}"),
            other => panic!("{body} is read as {other:?}"),
        }
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        let check = |body: &str, message| check("DescribeTextTranslationJob", body, message);
        for body in
            ["{", "", "null", "\"x\"", "{\"JobId\":\"a\",}", "5", "true", "{}x", "\u{feff}{}"]
        {
            check(body, None);
        }
        check("[]", Some("Start of list found where not expected"));
        let deep = format!("{{\"Foo\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
        check(&deep, None);
    }

    #[test]
    fn wrong_types_are_told_by_name() {
        let list = "ListTextTranslationJobs";
        for (value, message) in [
            ("\"1\"", "STRING_VALUE can not be converted to an Integer"),
            ("true", "TRUE_VALUE can not be converted to an Integer"),
            ("false", "FALSE_VALUE can not be converted to an Integer"),
            ("[]", "Start of list found where not expected"),
            ("{}", "Start of structure or map found where not expected."),
        ] {
            check(list, &format!("{{\"MaxResults\":{value}}}"), Some(message));
        }
        for (value, message) in [
            ("5", "NUMBER_VALUE can not be converted to a String"),
            ("true", "TRUE_VALUE can not be converted to a String"),
            ("[]", "Start of list found where not expected"),
            ("{}", "Start of structure or map found where not expected."),
        ] {
            check(list, &format!("{{\"NextToken\":{value}}}"), Some(message));
        }
        for (value, message) in [
            ("\"x\"", "Expected null"),
            ("5", "Expected null"),
            ("true", "Expected null"),
            ("[]", "Start of list found where not expected"),
        ] {
            check(list, &format!("{{\"Filter\":{value}}}"), Some(message));
        }
        for value in ["\"fr\"", "5", "true", "{}"] {
            let body = format!("{{\"TargetLanguageCodes\":{value}}}");
            check("StartTextTranslationJob", &body, Some("Expected list or null"));
        }
        check(
            list,
            r#"{"Filter":{"SubmittedAfterTime":"2024-01-01T00:00:00Z"}}"#,
            Some("STRING_VALUE can not be converted to a Timestamp"),
        );
        check(
            "StartTextTranslationJob",
            r#"{"TargetLanguageCodes":["fr",5]}"#,
            Some("NUMBER_VALUE can not be converted to a String"),
        );
    }

    #[test]
    fn a_wrong_type_wins_over_a_missing_member() {
        let body = r#"{"JobName":"","Settings":{"Formality":5}}"#;
        let message = "NUMBER_VALUE can not be converted to a String";
        check("StartTextTranslationJob", body, Some(message));
    }

    #[test]
    fn a_blob_is_base64() {
        let blob = Shape::Blob { bytes_max: 10 };
        assert_eq!(typed(&blob, json!("AAEC")).unwrap(), json!("AAEC"));
        for bad in [json!("AAE"), json!("A-E_"), json!(5)] {
            assert!(matches!(typed(&blob, bad), Err(ApiError::Serialization(Some(_)))));
        }
    }

    fn checked(body: &str) -> Value {
        let checked = read(Operation::ListTextTranslationJobs.input(), body.as_bytes()).unwrap();
        Value::Object(checked.0)
    }

    #[test]
    fn null_is_absent_and_what_is_unknown_is_ignored() {
        assert_eq!(
            checked(r#"{"Filter":null,"NextToken":null,"Foo":[{}],"maxResults":7}"#),
            json!({})
        );
        assert_eq!(checked(r#"{"Filter":{"JobName":null,"Foo":1}}"#), json!({ "Filter": {} }));
        assert_eq!(checked(r#"{"MaxResults":7,"MaxResults":8}"#), json!({ "MaxResults": 8 }));
    }

    #[test]
    fn fractions_are_cut() {
        assert_eq!(checked(r#"{"MaxResults":1.5}"#), json!({ "MaxResults": 1 }));
        assert_eq!(checked(r#"{"MaxResults":5e2}"#), json!({ "MaxResults": 500 }));
        let time = checked(r#"{"Filter":{"SubmittedAfterTime":1.7040672E9}}"#);
        assert_eq!(time, json!({ "Filter": { "SubmittedAfterTime": 1_704_067_200.0 } }));
    }

    #[test]
    fn bodies_that_mean_the_same_have_one_fingerprint() {
        let fingerprint = |body: &str| {
            read(Operation::ListTextTranslationJobs.input(), body.as_bytes()).unwrap().fingerprint()
        };
        let one = fingerprint(r#"{"MaxResults":7,"Filter":{"JobName":"a","JobStatus":"FAILED"}}"#);
        let same = r#"{"Foo":1,"Filter":{"JobStatus":"FAILED","JobName":"a"},"NextToken":null,
            "MaxResults":7.0}"#;
        assert_eq!(fingerprint(same), one);
        assert_ne!(fingerprint(r#"{"MaxResults":7}"#), one);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..60)) {
            for operation in Operation::ALL {
                let _ = read(operation.input(), &body);
            }
        }

        #[test]
        fn any_value_in_any_place_is_answered(value in any_value()) {
            for operation in Operation::ALL {
                for member in operation.input() {
                    let name = member.name;
                    let body = json!({ name: value.clone() }).to_string();
                    let _ = read(operation.input(), body.as_bytes());
                }
            }
        }
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,10}".prop_map(Value::from),
        ];
        let name = prop::sample::select(vec!["S3Uri", "JobName", "Type", "Id", "Formality", "x"]);
        leaf.prop_recursive(3, 16, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(name.clone(), inner, 0..4).prop_map(|members| {
                    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
                }),
            ]
        })
    }
}
