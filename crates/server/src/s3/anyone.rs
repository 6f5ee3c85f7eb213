//! Requests of anyone, where signatures are not verified.
//!
//! `s3s` refuses a signed request whose secret it does not know. So the signature
//! is taken off first, in headers or query, and what the signature changed
//! about the body is undone: the request becomes one without a signature.

use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use percent_encoding::percent_decode_str;
use s3s::{S3Result, s3_error};

use super::chunked::{self, Trailers};
use super::{Callers, body};

/// The account that an admitted request is made for.
#[derive(Clone, Debug)]
pub(super) struct Caller(pub(super) String);

/// What of a query belongs to a signature of version 4.
const QUERY_V4: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
];

/// What of a query belongs to a signature of version 2.
const QUERY_V2: [&str; 3] = ["AWSAccessKeyId", "Expires", "Signature"];

const DECODED_LENGTH: HeaderName = HeaderName::from_static("x-amz-decoded-content-length");

/// Takes the signature off a request and notes who it says it is of.
pub(super) fn admit(request: Request, callers: &Callers) -> S3Result<Request> {
    let (mut parts, mut content) = request.into_parts();
    let in_header = parts.headers.remove(AUTHORIZATION);
    let in_header = in_header.as_ref().and_then(|value| value.to_str().ok());
    let query = parts.uri.query().unwrap_or_default();
    let key_id = in_header.and_then(key_id_of_header).or_else(|| key_id_of_query(query));
    let caller = Caller(callers.account(key_id.as_deref()));
    parts.uri = without_signature(&parts.uri)?;
    if chunked::is_chunked(&parts.headers) {
        let length = decoded_length(&parts.headers)?;
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        let trailers = Trailers::default();
        content = chunked::decode(content, length, trailers.clone());
        parts.extensions.insert(trailers);
    }
    parts.extensions.insert(caller);
    // The digest of the content is still verified, though nobody signed it.
    if let Some(sha256) = body::content_sha256(&parts.headers) {
        parts.extensions.insert(sha256);
    }
    Ok(Request::from_parts(parts, content))
}

fn decoded_length(headers: &HeaderMap) -> S3Result<u64> {
    headers
        .get(DECODED_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .ok_or_else(|| s3_error!(MissingContentLength))
}

/// `AWS4-HMAC-SHA256 Credential=ID/…, …`, or `AWS ID:…` before that.
fn key_id_of_header(header: &str) -> Option<String> {
    let id = match header.split_once("Credential=") {
        Some((_, credential)) => credential.split('/').next(),
        None => header.strip_prefix("AWS ").and_then(|rest| rest.split(':').next()),
    };
    id.map(str::to_owned)
}

fn key_id_of_query(query: &str) -> Option<String> {
    query.split('&').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let value = percent_decode_str(value).decode_utf8().ok()?;
        match name {
            "X-Amz-Credential" => value.split('/').next().map(str::to_owned),
            "AWSAccessKeyId" => Some(value.into_owned()),
            _ => None,
        }
    })
}

fn without_signature(uri: &Uri) -> S3Result<Uri> {
    let Some(query) = uri.query() else {
        return Ok(uri.clone());
    };
    let name_of = |pair: &str| pair.split('=').next().unwrap_or_default().to_owned();
    // `Expires` alone is no part of a signature.
    let is_v2 = query.split('&').any(|pair| name_of(pair) == "Signature");
    let belongs = |name: &str| QUERY_V4.contains(&name) || (is_v2 && QUERY_V2.contains(&name));
    let kept: Vec<&str> = query.split('&').filter(|pair| !belongs(&name_of(pair))).collect();
    let path = uri.path();
    let rest = if kept.is_empty() { path.to_owned() } else { format!("{path}?{}", kept.join("&")) };
    rest.parse().map_err(|_| s3_error!(InvalidURI))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_wherever_it_stands() {
        let header = "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/s3/aws4_request, Sig";
        assert_eq!(key_id_of_header(header).as_deref(), Some("AKID"));
        assert_eq!(key_id_of_header("AWS AKID:abc=").as_deref(), Some("AKID"));
        assert_eq!(key_id_of_header("Bearer x"), None);
        let query = "a=b&X-Amz-Credential=AKID%2F20260101%2Fus-east-1";
        assert_eq!(key_id_of_query(query).as_deref(), Some("AKID"));
        assert_eq!(key_id_of_query("AWSAccessKeyId=AKID&Signature=x").as_deref(), Some("AKID"));
        assert_eq!(key_id_of_query("prefix=x"), None);
    }

    #[test]
    fn a_query_keeps_what_is_not_its_signature() {
        let check = |uri: &str, expected: &str| {
            assert_eq!(without_signature(&uri.parse().unwrap()).unwrap(), expected);
        };
        check("/b/k?X-Amz-Algorithm=A&X-Amz-Signature=s", "/b/k");
        check("/b/k?partNumber=1&X-Amz-Date=d&uploadId=u", "/b/k?partNumber=1&uploadId=u");
        check("/b/k?Expires=1&x=2", "/b/k?Expires=1&x=2");
        check("/b/k?AWSAccessKeyId=a&Expires=1&Signature=s", "/b/k");
        check("/b//k%2F%0A", "/b//k%2F%0A");
    }
}
