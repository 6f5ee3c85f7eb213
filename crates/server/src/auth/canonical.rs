//! The two texts a signature is made of, and the signature itself.
//!
//! A client made the same texts from the request it meant to send. Any
//! difference between that and what arrived changes them.

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::SignedRequest;
use super::claim::{Claim, Credential, Placement};
use crate::secret::Secret;

const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// The request in canonical form, or `None` if it cannot have been signed so: a
/// header said to be signed is missing, or the body is not the one announced.
pub(super) fn request(request: SignedRequest<'_>, claim: &Claim) -> Option<Vec<u8>> {
    let mut canonical = Vec::new();
    let mut line = |text: &[u8]| {
        canonical.extend_from_slice(text);
        canonical.push(b'\n');
    };
    line(request.method.as_str().as_bytes());
    line(path(request.uri.path()).as_bytes());
    line(query(request.uri.query().unwrap_or_default(), claim.placement).as_bytes());
    for name in &claim.signed_headers {
        let mut header = format!("{name}:").into_bytes();
        header.extend_from_slice(&header_value(request, name)?);
        line(&header);
    }
    line(b"");
    line(claim.signed_headers.join(";").as_bytes());
    canonical.extend_from_slice(payload_hash(request.headers, request.body)?.as_bytes());
    Some(canonical)
}

/// The text that is signed.
pub(super) fn string_to_sign(claim: &Claim, canonical_request: &[u8]) -> String {
    format!(
        "AWS4-HMAC-SHA256\n{}\n{}\n{}",
        claim.date.basic(),
        claim.credential.scope(),
        hex::encode(Sha256::digest(canonical_request)),
    )
}

/// The signature of `text` in lower-case hexadecimal.
pub(super) fn signature(secret: &Secret, credential: &Credential, text: &str) -> String {
    let mut key = format!("AWS4{}", secret.expose()).into_bytes();
    let Credential { access_key_id: _, day, region, service, terminator } = credential;
    for part in [day, region, service, terminator] {
        key = hmac(&key, part);
    }
    hex::encode(hmac(&key, text))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// The path without empty and dot segments, encoded once more than on the wire.
fn path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => (),
            ".." => {
                segments.pop();
            }
            name => segments.push(name),
        }
    }
    let end = if path.ends_with('/') && !segments.is_empty() { "/" } else { "" };
    utf8_percent_encode(&format!("/{}{end}", segments.join("/")), PATH).to_string()
}

/// The parameters in the order of their encoded names and values.
fn query(query: &str, placement: Placement) -> String {
    let encode = |text: &str| {
        let decoded: Vec<u8> = percent_decode_str(text).collect();
        percent_encoding::percent_encode(&decoded, QUERY).to_string()
    };
    let mut parameters: Vec<(String, String)> = query
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .map(|parameter| parameter.split_once('=').unwrap_or((parameter, "")))
        .map(|(name, value)| (encode(name), encode(value)))
        // The signature cannot be part of what it signs.
        .filter(|(name, _)| match placement {
            Placement::Header { .. } => true,
            Placement::Query { .. } => name != "X-Amz-Signature",
        })
        .collect();
    parameters.sort();
    let pairs: Vec<String> =
        parameters.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// All values of a header, joined, each without blanks at its ends and with
/// single ones inside.
fn header_value(request: SignedRequest<'_>, name: &str) -> Option<Vec<u8>> {
    let values: Vec<Vec<u8>> =
        request.headers.get_all(name).iter().map(|value| single_blanks(value.as_bytes())).collect();
    if values.is_empty() {
        // A request whose target is a whole URI may carry its host only there.
        let authority = request.uri.authority().filter(|_| name == "host")?;
        return Some(authority.as_str().as_bytes().to_vec());
    }
    Some(values.join(&b','))
}

fn single_blanks(value: &[u8]) -> Vec<u8> {
    let words = value.split(|&byte| byte == b' ' || byte == b'\t').filter(|word| !word.is_empty());
    words.collect::<Vec<&[u8]>>().join(&b' ')
}

/// What stands for the body: its hash, or the word for a body that is not signed.
///
/// That word is in a header, and such a header is itself signed, so that nobody
/// but the signer can put it there.
fn payload_hash(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let hash = hex::encode(Sha256::digest(body));
    match headers.get("x-amz-content-sha256") {
        None => Some(hash),
        Some(announced) if announced.as_bytes() == hash.as_bytes() => Some(hash),
        Some(announced) if announced.as_bytes() == UNSIGNED_PAYLOAD.as_bytes() => {
            Some(UNSIGNED_PAYLOAD.to_owned())
        }
        Some(_) => None,
    }
}
