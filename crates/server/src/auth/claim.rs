//! What a request says of its own signature: read from a header or from the query.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderName};
use domain::Timestamp;
use percent_encoding::percent_decode_str;

use super::date::Moment;
use super::{AuthError, SignedRequest, is_region};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const TERMINATOR: &str = "aws4_request";
/// How far a client's clock may be off.
const SKEW_SECONDS: i64 = 15 * 60;
/// The longest life of a signed query string: seven days.
const EXPIRES_SECONDS_MAX: i64 = 7 * 24 * 60 * 60;

/// A signature and what it is said to be made of.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) placement: Placement,
    pub(super) credential: Credential,
    /// The names as the client listed them, which is how they were signed.
    pub(super) signed_headers: Vec<String>,
    /// As given; lower-case hexadecimal if it is valid.
    pub(super) signature: String,
    pub(super) date: Moment,
    pub(super) has_session_token: bool,
}

/// Where the signature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// In the header `Authorization`, with the date in the header of this name.
    Header { date_header: &'static str },
    /// In the query, valid for this long.
    Query { expires_seconds: i64 },
}

/// `<access key id>/<yyyymmdd>/<region>/<service>/aws4_request`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Credential {
    pub(super) access_key_id: String,
    pub(super) day: String,
    pub(super) region: String,
    pub(super) service: String,
    pub(super) terminator: String,
}

impl Claim {
    /// Reads the claim of `request`; a header goes before a query.
    pub(super) fn read(request: SignedRequest<'_>) -> Result<Self, AuthError> {
        if let Some(value) = request.headers.get("authorization") {
            let value = value
                .to_str()
                .map_err(|_| incomplete("the Authorization header is not printable ASCII"))?;
            return Self::from_header(value, request.headers);
        }
        let query = query_parameters(request.uri.query().unwrap_or_default());
        if query.contains_key("X-Amz-Signature") || query.contains_key("X-Amz-Algorithm") {
            return Self::from_query(&query);
        }
        Err(AuthError::MissingAuthenticationToken)
    }

    fn from_header(value: &str, headers: &HeaderMap) -> Result<Self, AuthError> {
        let parameters = header_parameters(value)?;
        let date = date_of(headers);
        let mut missing = Vec::new();
        for name in ["Credential", "Signature", "SignedHeaders"] {
            if !parameters.contains_key(name) {
                missing.push(format!("Authorization header requires '{name}' parameter."));
            }
        }
        if date.is_none() {
            missing.push(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' \
                 header."
                    .to_owned(),
            );
        }
        let (Some(credential), Some(signature), Some(signed_headers), Some((date_header, date))) = (
            parameters.get("Credential"),
            parameters.get("Signature"),
            parameters.get("SignedHeaders"),
            date,
        ) else {
            return Err(incomplete(format!("{} Authorization={value}", missing.join(" "))));
        };
        Ok(Self {
            placement: Placement::Header { date_header },
            credential: Credential::parse(credential)?,
            signed_headers: signed_headers.split(';').map(str::to_owned).collect(),
            signature: (*signature).to_owned(),
            date: moment(date)?,
            has_session_token: headers.contains_key("x-amz-security-token"),
        })
    }

    fn from_query(query: &BTreeMap<String, String>) -> Result<Self, AuthError> {
        let get = |name: &str| {
            query
                .get(name)
                .ok_or_else(|| incomplete(format!("a signed query string requires '{name}'")))
        };
        check_algorithm(get("X-Amz-Algorithm")?)?;
        let expires_seconds = match query.get("X-Amz-Expires") {
            None => SKEW_SECONDS,
            Some(text) => text
                .parse()
                .ok()
                .filter(|seconds| (1..=EXPIRES_SECONDS_MAX).contains(seconds))
                .ok_or_else(|| {
                    incomplete(format!(
                        "X-Amz-Expires is between 1 and {EXPIRES_SECONDS_MAX} seconds"
                    ))
                })?,
        };
        Ok(Self {
            placement: Placement::Query { expires_seconds },
            credential: Credential::parse(get("X-Amz-Credential")?)?,
            signed_headers: get("X-Amz-SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: get("X-Amz-Signature")?.clone(),
            date: moment(get("X-Amz-Date")?)?,
            has_session_token: query.contains_key("X-Amz-Security-Token"),
        })
    }

    /// Whether the signature is meant for `service`, in any region, on its own day.
    pub(super) fn check_scope(&self, service: &str) -> Result<(), AuthError> {
        let Credential { access_key_id: _, day, region, service: named, terminator } =
            &self.credential;
        if terminator != TERMINATOR {
            return Err(invalid(format!(
                "Credential should be scoped with a valid terminator: '{TERMINATOR}'."
            )));
        }
        if named != service {
            return Err(invalid(format!(
                "Credential should be scoped to correct service: '{service}'."
            )));
        }
        if !is_region(region) {
            return Err(invalid("Credential should be scoped to a valid region."));
        }
        let date = self.date.basic();
        if date.get(..8) != Some(day) {
            return Err(invalid(format!(
                "Date in Credential scope does not match the day of the request: '{day}' is not \
                 the day of '{date}'."
            )));
        }
        Ok(())
    }

    /// Whether the signature is neither too old nor from the future.
    pub(super) fn check_age(&self, now: Timestamp) -> Result<(), AuthError> {
        let now = Moment::from_ms(now.0);
        let (life, life_text) = match self.placement {
            Placement::Header { .. } => (SKEW_SECONDS, "15 min.".to_owned()),
            Placement::Query { expires_seconds } => {
                (expires_seconds, format!("{expires_seconds} sec."))
            }
        };
        let (oldest, newest) = (now.plus_seconds(-life), now.plus_seconds(SKEW_SECONDS));
        if self.date < oldest {
            return Err(invalid(format!(
                "Signature expired: {} is now earlier than {} ({} - {life_text})",
                self.date.basic(),
                oldest.basic(),
                now.basic(),
            )));
        }
        if newest < self.date {
            return Err(invalid(format!(
                "Signature not yet current: {} is still later than {} ({} + 15 min.)",
                self.date.basic(),
                newest.basic(),
                now.basic(),
            )));
        }
        Ok(())
    }

    /// Whether all that decides what a request means is signed: the host, the
    /// date and every `x-amz-*` header, among them the target.
    pub(super) fn check_signed_headers(&self, headers: &HeaderMap) -> Result<(), AuthError> {
        let date_header = match self.placement {
            Placement::Header { date_header } => Some(date_header),
            Placement::Query { .. } => None,
        };
        let amazons =
            headers.keys().map(HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
        for name in ["host"].into_iter().chain(date_header).chain(amazons) {
            if !self.signed_headers.iter().any(|signed| signed == name) {
                return Err(invalid(format!(
                    "'{name}' must be a 'SignedHeader' in the AWS Authorization."
                )));
            }
        }
        Ok(())
    }
}

impl Credential {
    fn parse(text: &str) -> Result<Self, AuthError> {
        let parts: Vec<&str> = text.split('/').collect();
        let &[access_key_id, day, region, service, terminator] = parts.as_slice() else {
            return Err(incomplete(format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term, got '{text}'"
            )));
        };
        Ok(Self {
            access_key_id: access_key_id.to_owned(),
            day: day.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            terminator: terminator.to_owned(),
        })
    }

    /// What stands below the algorithm and the date in the text that is signed.
    pub(super) fn scope(&self) -> String {
        format!("{}/{}/{}/{}", self.day, self.region, self.service, self.terminator)
    }
}

/// The credential alone, wherever it stands, of a request that may be unsigned otherwise.
pub(super) fn credential(request: SignedRequest<'_>) -> Option<Credential> {
    if let Some(value) = request.headers.get("authorization") {
        let parameters = header_parameters(value.to_str().ok()?).ok()?;
        return Credential::parse(parameters.get("Credential")?).ok();
    }
    let query = query_parameters(request.uri.query()?);
    Credential::parse(query.get("X-Amz-Credential")?).ok()
}

/// The parameters of a query, decoded. One without a value has an empty one.
fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    query
        .split('&')
        .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn header_parameters(value: &str) -> Result<BTreeMap<&str, &str>, AuthError> {
    let value = value.trim();
    let (algorithm, parameters) = value.split_once(' ').unwrap_or((value, ""));
    check_algorithm(algorithm)?;
    parameters
        .split(',')
        .map(str::trim)
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| {
            parameter.split_once('=').ok_or_else(|| {
                incomplete(format!(
                    "'{parameter}' not a valid key=value pair (missing equal-sign) in \
                     Authorization header: '{value}'."
                ))
            })
        })
        .collect()
}

fn check_algorithm(algorithm: &str) -> Result<(), AuthError> {
    match algorithm {
        ALGORITHM => Ok(()),
        other => Err(incomplete(format!("Unsupported AWS 'algorithm': '{other}'"))),
    }
}

fn date_of(headers: &HeaderMap) -> Option<(&'static str, &str)> {
    ["x-amz-date", "date"].into_iter().find_map(|name| {
        let value = headers.get(name)?;
        Some((name, value.to_str().unwrap_or_default()))
    })
}

fn moment(text: &str) -> Result<Moment, AuthError> {
    Moment::parse(text.trim()).ok_or_else(|| {
        incomplete(format!("Date must be in ISO-8601 'basic format'. Got '{text}'."))
    })
}

fn incomplete(message: impl Into<String>) -> AuthError {
    AuthError::IncompleteSignature(message.into())
}

fn invalid(message: impl Into<String>) -> AuthError {
    AuthError::InvalidSignature(message.into())
}
