//! Who signed a request, and whether that is true: AWS Signature Version 4.
//!
//! Pure: a request's parts, the time and the settings come in; a [`Caller`] or
//! the reason for a refusal comes out. Knows no server, no operation, no clock.
//!
//! Start reading at [`Verifier::verify`].

mod canonical;
mod claim;
mod date;

use std::collections::BTreeMap;

use axum::http::{HeaderMap, Method, Uri};
use domain::Timestamp;
use domain::job::Owner;
use subtle::ConstantTimeEq;

use crate::secret::Secret;
use claim::{Claim, Credential};

/// Whom a request is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose things the request is about: twelve digits.
    pub account: String,
    /// The region the request was signed for.
    pub region: String,
    /// The key it was signed with. Verified in strict mode, merely named in off mode.
    pub access_key_id: Option<String>,
}

impl Caller {
    /// Whose things the request is about.
    pub fn owner(&self) -> Owner {
        Owner { account: self.account.clone(), region: self.region.clone() }
    }
}

/// A request as it came, its body whole.
#[derive(Clone, Copy, Debug)]
pub struct SignedRequest<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path and query as they were on the wire.
    pub uri: &'a Uri,
    /// All headers as they were on the wire.
    pub headers: &'a HeaderMap,
    /// The body as it was on the wire.
    pub body: &'a [u8],
}

/// Whether signatures are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everyone is let in; what a request says of itself is believed.
    Off,
    /// Only what is signed with a known key is let in.
    Strict,
}

/// What belongs to an access key id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// What requests are signed with.
    pub secret: Secret,
    /// Whose key it is: twelve digits.
    pub account: String,
}

/// The access keys by their ids.
pub type Keys = BTreeMap<String, Key>;

/// Verifies requests to one service.
#[derive(Clone, Debug)]
pub struct Verifier {
    /// Whether signatures are verified.
    pub mode: Mode,
    /// The keys that may sign.
    pub keys: Keys,
    /// The name in the scope of signatures, such as `translate`.
    pub service: &'static str,
    /// The account of callers without a known key, which only off mode has.
    pub account: String,
    /// The region of requests that name none, which only off mode has.
    pub region: String,
}

/// Why a request is refused. The texts are those that clients know, and safe to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The request is not signed at all.
    #[error("Missing Authentication Token")]
    MissingAuthenticationToken,
    /// What is there is not a signature.
    #[error("{0}")]
    IncompleteSignature(String),
    /// The key, or the session token, is not known.
    #[error("The security token included in the request is invalid.")]
    UnrecognizedClient,
    /// The signature is not valid for this request, this service or this time.
    #[error("{0}")]
    InvalidSignature(String),
}

const SIGNATURE_DIFFERS: &str = "The request signature we calculated does not match the signature \
     you provided. Check your AWS Secret Access Key and signing method. Consult the service \
     documentation for details.";

impl Verifier {
    /// Says who sent `request`, which arrived at `now`.
    ///
    /// In off mode this never fails. The checks of strict mode are in the order
    /// in which their errors are told; the signature comes last.
    pub fn verify(&self, request: SignedRequest<'_>, now: Timestamp) -> Result<Caller, AuthError> {
        match self.mode {
            Mode::Off => Ok(self.believe(request)),
            Mode::Strict => self.verify_strictly(request, now),
        }
    }

    fn verify_strictly(
        &self,
        request: SignedRequest<'_>,
        now: Timestamp,
    ) -> Result<Caller, AuthError> {
        let claim = Claim::read(request)?;
        let key = match self.keys.get(&claim.credential.access_key_id) {
            // Our keys are long-lived and have no tokens, so a token is another service's.
            Some(key) if !claim.has_session_token => key,
            Some(_) | None => return Err(AuthError::UnrecognizedClient),
        };
        claim.check_scope(self.service)?;
        claim.check_age(now)?;
        claim.check_signed_headers(request.headers)?;

        let differs = || AuthError::InvalidSignature(SIGNATURE_DIFFERS.to_owned());
        let canonical = canonical::request(request, &claim).ok_or_else(differs)?;
        let text = canonical::string_to_sign(&claim, &canonical);
        let expected = canonical::signature(&key.secret, &claim.credential, &text);
        if !bool::from(expected.as_bytes().ct_eq(claim.signature.as_bytes())) {
            return Err(differs());
        }
        let Credential { access_key_id, day: _, region, service: _, terminator: _ } =
            claim.credential;
        Ok(Caller { account: key.account.clone(), region, access_key_id: Some(access_key_id) })
    }

    /// What the request says of itself, as far as it can be read.
    fn believe(&self, request: SignedRequest<'_>) -> Caller {
        let credential = claim::credential(request);
        let known = credential.as_ref().and_then(|it| self.keys.get(&it.access_key_id));
        Caller {
            account: known.map_or_else(|| self.account.clone(), |key| key.account.clone()),
            region: credential
                .as_ref()
                .filter(|it| is_region(&it.region))
                .map_or_else(|| self.region.clone(), |it| it.region.clone()),
            access_key_id: credential.map(|it| it.access_key_id),
        }
    }
}

/// Whether `text` may name a region: up to 64 of `a-z 0-9 -`.
///
/// There is no list of regions: on one's own machines any name will do, as long
/// as it can stand in an ARN.
pub fn is_region(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Whether `text` may be an account: twelve digits.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
