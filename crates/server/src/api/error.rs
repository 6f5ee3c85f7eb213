//! The closed list of errors that a caller can be told, and how each is written.
//!
//! Knows no HTTP but the number of the status. Whoever sends an error logs the
//! cause of [`ApiError::Internal`], which is never sent.

use std::error::Error;

use domain::job::InvalidRequest;
use domain::location::InvalidS3Location;
use serde::Serialize;
use store::StoreError;

use crate::auth::AuthError;

/// Why an operation is refused, by the names of the service's exceptions.
#[derive(Debug)]
pub enum ApiError {
    /// Another change of the same thing is under way.
    ConcurrentModification(String),
    /// The thing exists already.
    Conflict(String),
    /// The language could not be told.
    DetectedLanguageLowConfidence {
        /// What is wrong.
        message: String,
        /// The best guess.
        detected: String,
    },
    /// Our fault. The cause is for the log and never sent.
    Internal(Box<dyn Error + Send + Sync>),
    /// The filter asks for two things.
    InvalidFilter(String),
    /// One member's value is wrong by itself.
    InvalidParameterValue(String),
    /// The request cannot be carried out as a whole, or not now.
    InvalidRequest(String),
    /// A quota is used up.
    LimitExceeded(String),
    /// There is no such thing.
    ResourceNotFound(String),
    /// The engine is down for a while.
    ServiceUnavailable(String),
    /// The text is too long.
    TextSizeLimitExceeded(String),
    /// Too many jobs are waiting.
    TooManyRequests(String),
    /// The resource would have too many tags.
    TooManyTags {
        /// What is wrong.
        message: String,
        /// Whose tags they are.
        resource_arn: String,
    },
    /// Names cannot be shown in this language.
    UnsupportedDisplayLanguageCode {
        /// What is wrong.
        message: String,
        /// The language as given.
        display_language_code: String,
    },
    /// The pair is not served.
    UnsupportedLanguagePair {
        /// What is wrong.
        message: String,
        /// The source as given.
        source: String,
        /// The target as given.
        target: String,
    },

    /// The caller may not do this.
    AccessDenied(String),
    /// The session token is past its end.
    ExpiredToken,
    /// What is there is not a signature.
    IncompleteSignature(String),
    /// The signature is not valid.
    InvalidSignature(String),
    /// The request is not signed.
    MissingAuthenticationToken,
    /// The body is larger than any operation takes.
    RequestEntityTooLarge(String),
    /// The body is not what it should be; with a text where there is one to give.
    Serialization(Option<String>),
    /// The caller asks too often.
    Throttling,
    /// There is no such operation.
    UnknownOperation,
    /// The key is not known.
    UnrecognizedClient,
    /// The model's limits are broken.
    Validation(String),
}

/// An error as it is sent: the name first, then what there is to say.
#[derive(Default, Serialize)]
struct Body<'a> {
    #[serde(rename = "__type")]
    name: &'static str,
    #[serde(rename = "Message", skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    // One exception of the model spells it so.
    #[serde(rename = "message", skip_serializing_if = "Option::is_none")]
    small_message: Option<&'a str>,
    #[serde(rename = "DetectedLanguageCode", skip_serializing_if = "Option::is_none")]
    detected: Option<&'a str>,
    #[serde(rename = "SourceLanguageCode", skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(rename = "TargetLanguageCode", skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    #[serde(rename = "DisplayLanguageCode", skip_serializing_if = "Option::is_none")]
    display_language_code: Option<&'a str>,
    #[serde(rename = "ResourceArn", skip_serializing_if = "Option::is_none")]
    resource_arn: Option<&'a str>,
}

impl ApiError {
    /// Hides `cause` behind an internal error.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// The exception's name on the wire.
    pub fn name(&self) -> &'static str {
        self.row().0
    }

    /// The number of the HTTP status.
    pub fn status(&self) -> u16 {
        self.row().1
    }

    fn row(&self) -> (&'static str, u16) {
        match self {
            Self::ConcurrentModification(_) => ("ConcurrentModificationException", 400),
            Self::Conflict(_) => ("ConflictException", 400),
            Self::DetectedLanguageLowConfidence { .. } => {
                ("DetectedLanguageLowConfidenceException", 400)
            }
            Self::Internal(_) => ("InternalServerException", 500),
            Self::InvalidFilter(_) => ("InvalidFilterException", 400),
            Self::InvalidParameterValue(_) => ("InvalidParameterValueException", 400),
            Self::InvalidRequest(_) => ("InvalidRequestException", 400),
            Self::LimitExceeded(_) => ("LimitExceededException", 400),
            Self::ResourceNotFound(_) => ("ResourceNotFoundException", 400),
            Self::ServiceUnavailable(_) => ("ServiceUnavailableException", 500),
            Self::TextSizeLimitExceeded(_) => ("TextSizeLimitExceededException", 400),
            Self::TooManyRequests(_) => ("TooManyRequestsException", 400),
            Self::TooManyTags { .. } => ("TooManyTagsException", 400),
            Self::UnsupportedDisplayLanguageCode { .. } => {
                ("UnsupportedDisplayLanguageCodeException", 400)
            }
            Self::UnsupportedLanguagePair { .. } => ("UnsupportedLanguagePairException", 400),
            Self::AccessDenied(_) => ("AccessDeniedException", 400),
            Self::ExpiredToken => ("ExpiredTokenException", 400),
            Self::IncompleteSignature(_) => ("IncompleteSignatureException", 400),
            Self::InvalidSignature(_) => ("InvalidSignatureException", 400),
            Self::MissingAuthenticationToken => ("MissingAuthenticationTokenException", 400),
            Self::RequestEntityTooLarge(_) => ("RequestEntityTooLargeException", 413),
            Self::Serialization(_) => ("SerializationException", 400),
            Self::Throttling => ("ThrottlingException", 400),
            Self::UnknownOperation => ("UnknownOperationException", 400),
            Self::UnrecognizedClient => ("UnrecognizedClientException", 400),
            Self::Validation(_) => ("ValidationException", 400),
        }
    }

    /// The text for the caller; `None` where the service says nothing.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::ConcurrentModification(message)
            | Self::Conflict(message)
            | Self::DetectedLanguageLowConfidence { message, .. }
            | Self::InvalidFilter(message)
            | Self::InvalidParameterValue(message)
            | Self::InvalidRequest(message)
            | Self::LimitExceeded(message)
            | Self::ResourceNotFound(message)
            | Self::ServiceUnavailable(message)
            | Self::TextSizeLimitExceeded(message)
            | Self::TooManyRequests(message)
            | Self::TooManyTags { message, .. }
            | Self::UnsupportedDisplayLanguageCode { message, .. }
            | Self::UnsupportedLanguagePair { message, .. }
            | Self::AccessDenied(message)
            | Self::IncompleteSignature(message)
            | Self::InvalidSignature(message)
            | Self::RequestEntityTooLarge(message)
            | Self::Validation(message) => Some(message),
            Self::Serialization(message) => message.as_deref(),
            Self::Internal(_) => Some("An internal error occurred"),
            Self::ExpiredToken => Some("The security token included in the request is expired"),
            Self::MissingAuthenticationToken => Some("Missing Authentication Token"),
            Self::Throttling => Some("Rate exceeded"),
            Self::UnrecognizedClient => {
                Some("The security token included in the request is invalid.")
            }
            Self::UnknownOperation => None,
        }
    }

    /// The JSON object that is sent.
    pub fn body(&self) -> String {
        let plain = Body { name: self.name(), message: self.message(), ..Body::default() };
        let body = match self {
            Self::DetectedLanguageLowConfidence { message: _, detected } => {
                Body { detected: Some(detected), ..plain }
            }
            Self::TooManyTags { message, resource_arn } => Body {
                message: None,
                small_message: Some(message),
                resource_arn: Some(resource_arn),
                ..plain
            },
            Self::UnsupportedDisplayLanguageCode { message: _, display_language_code } => {
                Body { display_language_code: Some(display_language_code), ..plain }
            }
            Self::UnsupportedLanguagePair { message: _, source, target } => {
                Body { source: Some(source), target: Some(target), ..plain }
            }
            Self::ConcurrentModification(_)
            | Self::Conflict(_)
            | Self::Internal(_)
            | Self::InvalidFilter(_)
            | Self::InvalidParameterValue(_)
            | Self::InvalidRequest(_)
            | Self::LimitExceeded(_)
            | Self::ResourceNotFound(_)
            | Self::ServiceUnavailable(_)
            | Self::TextSizeLimitExceeded(_)
            | Self::TooManyRequests(_)
            | Self::AccessDenied(_)
            | Self::ExpiredToken
            | Self::IncompleteSignature(_)
            | Self::InvalidSignature(_)
            | Self::MissingAuthenticationToken
            | Self::RequestEntityTooLarge(_)
            | Self::Serialization(_)
            | Self::Throttling
            | Self::UnknownOperation
            | Self::UnrecognizedClient
            | Self::Validation(_) => plain,
        };
        serde_json::to_string(&body).expect("strings are always JSON")
    }
}

impl From<AuthError> for ApiError {
    fn from(err: AuthError) -> Self {
        match err {
            AuthError::MissingAuthenticationToken => Self::MissingAuthenticationToken,
            AuthError::IncompleteSignature(message) => Self::IncompleteSignature(message),
            AuthError::UnrecognizedClient => Self::UnrecognizedClient,
            AuthError::InvalidSignature(message) => Self::InvalidSignature(message),
        }
    }
}

impl From<InvalidRequest> for ApiError {
    fn from(err: InvalidRequest) -> Self {
        let message = err.to_string();
        match err {
            InvalidRequest::ContentType(_)
            | InvalidRequest::TooManyTargets(_)
            | InvalidRequest::RepeatedTarget(_)
            | InvalidRequest::TooManyNames(..) => Self::InvalidParameterValue(message),
            InvalidRequest::UnknownSource { source_code: source, target }
            | InvalidRequest::UnknownTarget { source_code: source, target } => {
                Self::UnsupportedLanguagePair { message, source, target }
            }
            InvalidRequest::Brevity | InvalidRequest::InputWithoutFolder(_) => {
                Self::InvalidRequest(message)
            }
        }
    }
}

impl From<InvalidS3Location> for ApiError {
    fn from(err: InvalidS3Location) -> Self {
        Self::InvalidParameterValue(err.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(err: StoreError) -> Self {
        match err {
            StoreError::NoSuchJob(_) => Self::ResourceNotFound(err.to_string()),
            StoreError::TokenReused(_) => Self::InvalidParameterValue(err.to_string()),
            StoreError::QueueFull(_) => Self::TooManyRequests(err.to_string()),
            StoreError::LeaseLost
            | StoreError::Transition(_)
            | StoreError::InUse(_)
            | StoreError::Newer { .. }
            | StoreError::NoDatabase(_)
            | StoreError::ReadOnly(_)
            | StoreError::Damaged(_)
            | StoreError::Database(_) => Self::internal(err),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(err: &ApiError, status: u16, body: &str) {
        assert_eq!((err.status(), err.body().as_str()), (status, body));
    }

    #[test]
    fn errors_are_written_as_the_service_writes_them() {
        check(&ApiError::UnknownOperation, 400, r#"{"__type":"UnknownOperationException"}"#);
        check(&ApiError::Serialization(None), 400, r#"{"__type":"SerializationException"}"#);
        check(
            &ApiError::Serialization(Some("Expected null".to_owned())),
            400,
            r#"{"__type":"SerializationException","Message":"Expected null"}"#,
        );
        check(
            &ApiError::ResourceNotFound("no \"job\"".to_owned()),
            400,
            r#"{"__type":"ResourceNotFoundException","Message":"no \"job\""}"#,
        );
        check(
            &ApiError::TooManyTags { message: "51".to_owned(), resource_arn: "arn:x".to_owned() },
            400,
            r#"{"__type":"TooManyTagsException","message":"51","ResourceArn":"arn:x"}"#,
        );
        check(
            &ApiError::UnsupportedLanguagePair {
                message: "no".to_owned(),
                source: "en".to_owned(),
                target: "ef".to_owned(),
            },
            400,
            "{\"__type\":\"UnsupportedLanguagePairException\",\"Message\":\"no\",\
             \"SourceLanguageCode\":\"en\",\"TargetLanguageCode\":\"ef\"}",
        );
        check(
            &ApiError::UnsupportedDisplayLanguageCode {
                message: "no".to_owned(),
                display_language_code: "xx".to_owned(),
            },
            400,
            "{\"__type\":\"UnsupportedDisplayLanguageCodeException\",\"Message\":\"no\",\
             \"DisplayLanguageCode\":\"xx\"}",
        );
        check(
            &ApiError::DetectedLanguageLowConfidence {
                message: "unsure".to_owned(),
                detected: "en".to_owned(),
            },
            400,
            "{\"__type\":\"DetectedLanguageLowConfidenceException\",\"Message\":\"unsure\",\
             \"DetectedLanguageCode\":\"en\"}",
        );
        check(
            &ApiError::from(AuthError::MissingAuthenticationToken),
            400,
            "{\"__type\":\"MissingAuthenticationTokenException\",\
             \"Message\":\"Missing Authentication Token\"}",
        );
        check(
            &ApiError::ServiceUnavailable("down".to_owned()),
            500,
            r#"{"__type":"ServiceUnavailableException","Message":"down"}"#,
        );
        check(
            &ApiError::RequestEntityTooLarge("too large".to_owned()),
            413,
            r#"{"__type":"RequestEntityTooLargeException","Message":"too large"}"#,
        );
    }

    #[test]
    fn what_went_wrong_inside_is_not_told() {
        check(
            &ApiError::internal("disk on fire"),
            500,
            "{\"__type\":\"InternalServerException\",\"Message\":\"An internal error occurred\"}",
        );
    }

    #[test]
    fn a_request_is_refused_by_the_error_that_fits() {
        let check = |err: InvalidRequest, name: &str| assert_eq!(ApiError::from(err).name(), name);
        check(InvalidRequest::TooManyTargets(11), "InvalidParameterValueException");
        check(InvalidRequest::Brevity, "InvalidRequestException");
        let unknown =
            InvalidRequest::UnknownTarget { source_code: "en".to_owned(), target: "xx".to_owned() };
        check(unknown, "UnsupportedLanguagePairException");
    }

    #[test]
    fn authentication_errors_keep_their_texts() {
        for err in [
            AuthError::MissingAuthenticationToken,
            AuthError::IncompleteSignature("a".to_owned()),
            AuthError::UnrecognizedClient,
            AuthError::InvalidSignature("b".to_owned()),
        ] {
            let text = err.to_string();
            assert_eq!(ApiError::from(err).message(), Some(text.as_str()));
        }
    }
}
