//! The endpoint without a socket: what no S3 client would send, and who may send what.

use std::time::SystemTime;

use ::objects::folder::{FolderSettings, KmsPolicy};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningSettings, UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use axum::http::HeaderMap;
use http_body_util::BodyExt as _;
use tempfile::TempDir;
use tower::ServiceExt as _;

use super::*;

const HOST: &str = "127.0.0.1:8080";

struct Tried {
    _data_dir: TempDir,
    service: BoxCloneSyncService<Request, Response, Infallible>,
}

/// An answer: status, headers, text.
type Answer = (u16, HeaderMap, String);

impl Tried {
    fn start(mode: S3AuthMode) -> Self {
        let data_dir = tempfile::tempdir().unwrap();
        let settings = FolderSettings {
            data_dir: data_dir.path().to_owned(),
            default_account: "000000000000".to_owned(),
            kms: KmsPolicy::Refuse,
        };
        let objects = FolderObjects::open(settings, SystemTime::UNIX_EPOCH).unwrap();
        let key = |id: &str, account: &str| S3Key {
            access_key_id: id.to_owned(),
            secret_access_key: SecretKey::from(format!("secret of {id}")),
            account: account.to_owned(),
        };
        let auth = S3AuthSettings {
            mode,
            keys: vec![key("ONE", "111122223333"), key("TWO", "444455556666")],
            default_account: "000000000000".to_owned(),
            region: "eu-west-1".to_owned(),
        };
        Self { _data_dir: data_dir, service: service(objects, auth) }
    }

    async fn call(&self, request: Request) -> Answer {
        let response = self.service.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        assert_eq!(parts.headers["x-amz-request-id"].len(), 32);
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status.as_u16(), parts.headers, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.call(request(method, path, headers, body)).await
    }

    async fn status(&self, request: Request) -> (u16, String) {
        let (status, _, text) = self.call(request).await;
        (status, code(&text).to_owned())
    }
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let mut request = Request::builder().method(method).uri(path).header("host", HOST);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if !body.is_empty() || method == "PUT" {
        request = request.header("content-length", body.len());
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

/// The error code in an answer.
fn code(text: &str) -> &str {
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    code.map_or("", |(code, _)| code)
}

/// Signs a request as the SDKs do.
#[expect(clippy::disallowed_methods, reason = "s3s compares signatures with the real clock")]
fn signed(mut request: Request, id: &str, secret: &str, place: SignatureLocation) -> Request {
    let identity = Credentials::new(id, secret, None, None, "test").into();
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.signature_location = place;
    if place == SignatureLocation::QueryParams {
        settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
        settings.expires_in = Some(std::time::Duration::from_mins(1));
    }
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-west-1")
        .name("s3")
        .time(SystemTime::now())
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let uri = format!("http://{HOST}{}", request.uri());
    let headers =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let signable = SignableRequest::new(
        request.method().as_str(),
        uri.clone(),
        headers,
        SignableBody::UnsignedPayload,
    );
    let (instructions, _) = sign(signable.unwrap(), &params).unwrap().into_parts();
    *request.uri_mut() = uri.parse().unwrap();
    instructions.apply_to_request_http1x(&mut request);
    // What comes over a socket has no host in its target.
    let target = request.uri().path_and_query().unwrap().as_str().parse().unwrap();
    *request.uri_mut() = target;
    request
}

fn in_header(request: Request, id: &str) -> Request {
    signed(request, id, &format!("secret of {id}"), SignatureLocation::Headers)
}

#[tokio::test]
async fn anyone_may_do_all_where_signatures_are_not_verified() {
    let tried = Tried::start(S3AuthMode::Off);
    assert_eq!(tried.send("PUT", "/docs", &[], "").await.0, 200);
    assert_eq!(
        tried.send("PUT", "/docs/a/b.txt", &[("content-type", "text/plain")], "hi").await.0,
        200
    );
    let (status, headers, text) = tried.send("GET", "/docs/a/b.txt", &[], "").await;
    assert_eq!((status, text.as_str()), (200, "hi"));
    assert_eq!(headers["content-type"], "text/plain");
    assert_eq!(headers["content-length"], "2");
    assert_eq!(headers["etag"], "\"49f68a5c8493ec2c0bf489821c21fc3b\"");

    let wrong =
        signed(request("GET", "/docs/a/b.txt", &[], ""), "NO", "x", SignatureLocation::Headers);
    assert_eq!(tried.call(wrong).await.2, "hi");
    let link = request("GET", "/docs/a/b.txt", &[], "");
    let link = signed(link, "NO", "x", SignatureLocation::QueryParams);
    assert!(link.uri().query().unwrap().contains("X-Amz-Signature"));
    assert_eq!(tried.call(link).await.2, "hi");
}

#[tokio::test]
async fn a_known_key_names_its_account_even_where_it_is_not_verified() {
    let tried = Tried::start(S3AuthMode::Off);
    let as_one = |method, path| {
        signed(request(method, path, &[], ""), "ONE", "wrong", SignatureLocation::Headers)
    };
    assert_eq!(tried.status(as_one("PUT", "/docs")).await.0, 200);
    assert_eq!(tried.status(as_one("GET", "/docs")).await.0, 200);
    let denied = (403, "AccessDenied".to_owned());
    assert_eq!(tried.status(request("GET", "/docs", &[], "")).await, denied);
}

#[tokio::test]
async fn only_right_signatures_of_known_keys_pass_where_they_are_verified() {
    let tried = Tried::start(S3AuthMode::Strict);
    let create = || request("PUT", "/docs", &[], "");
    let refused = async |request, status, code: &str| {
        assert_eq!(tried.status(request).await, (status, code.to_owned()));
    };
    refused(create(), 403, "AccessDenied").await;
    let wrong = signed(create(), "ONE", "wrong", SignatureLocation::Headers);
    refused(wrong, 403, "SignatureDoesNotMatch").await;
    refused(in_header(create(), "NO"), 403, "InvalidAccessKeyId").await;
    let version_2 = request("PUT", "/docs", &[("authorization", "AWS ONE:x")], "");
    refused(version_2, 400, "InvalidRequest").await;

    assert_eq!(tried.status(in_header(create(), "ONE")).await.0, 200);
    refused(in_header(create(), "ONE"), 409, "BucketAlreadyOwnedByYou").await;
    refused(in_header(create(), "TWO"), 409, "BucketAlreadyExists").await;
    let list = || request("GET", "/docs", &[], "");
    refused(in_header(list(), "TWO"), 403, "AccessDenied").await;

    let put = in_header(request("PUT", "/docs/a%20b//%C3%A9", &[], "hi"), "ONE");
    assert_eq!(tried.status(put).await.0, 200);
    let link = request("GET", "/docs/a%20b//%C3%A9", &[], "");
    let link = signed(link, "ONE", "secret of ONE", SignatureLocation::QueryParams);
    let other_key = link.uri().to_string().replace("%C3%A9", "x");
    assert_eq!(tried.call(link).await.2, "hi");
    refused(request("GET", &other_key, &[], ""), 403, "SignatureDoesNotMatch").await;
}

const CHUNKED: [(&str, &str); 3] = [
    ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
    ("content-encoding", "aws-chunked"),
    ("x-amz-decoded-content-length", "5"),
];

#[tokio::test]
async fn a_chunked_body_is_its_content() {
    let tried = Tried::start(S3AuthMode::Off);
    tried.send("PUT", "/docs", &[], "").await;
    let trailer = ("x-amz-trailer", "x-amz-checksum-crc32");
    let headers = [&CHUNKED[..], &[trailer]].concat();
    let put = async |body: &str| {
        let (status, _, text) = tried.send("PUT", "/docs/a", &headers, body).await;
        (status, code(&text).to_owned())
    };
    let failed = |code: &str| (400, code.to_owned());
    let right = "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
    assert_eq!(put(&right.replace("NhC", "AAA")).await, failed("BadDigest"));
    assert_eq!(put("5\r\nhello\r\n0\r\n\r\n").await, failed("MalformedTrailerError"));
    assert_eq!(put("5\r\nhello\r\n").await, failed("IncompleteBody"));
    assert_eq!(put(&right.replace("hello", "hello!")).await, failed("IncompleteBody"));
    assert_eq!(put("4\r\nhell\r\n0\r\n\r\n").await, failed("IncompleteBody"));
    assert_eq!(tried.send("GET", "/docs/a", &[], "").await.0, 404);

    assert_eq!(put(right).await.0, 200);
    let (status, headers, text) = tried.send("GET", "/docs/a", &[], "").await;
    assert_eq!((status, text.as_str()), (200, "hello"));
    assert!(!headers.contains_key("content-encoding"));
}

#[tokio::test]
async fn a_chunk_that_is_too_long_is_refused_where_signatures_are_verified() {
    let tried = Tried::start(S3AuthMode::Strict);
    tried.call(in_header(request("PUT", "/docs", &[], ""), "ONE")).await;
    let trailer = ("x-amz-trailer", "x-amz-checksum-crc32");
    let put = |body: &str| {
        request(
            "PUT",
            "/docs/a",
            &[&CHUNKED[..2], &[("x-amz-decoded-content-length", "4294967295"), trailer]].concat(),
            body,
        )
    };
    // What is signed is the header, which the signer would replace: this one is not accepted,
    // but its body must not be read into memory before that is known.
    let (status, _) = tried.status(put("ffffffff\r\n")).await;
    assert_eq!(status, 403);
    let bounded = chunked::bound(put("ffffffff\r\n"));
    assert!(bounded.into_body().collect().await.is_err());
    let bounded = chunked::bound(put("5\r\nhello\r\n0\r\n\r\n"));
    let passed = bounded.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(passed, "5\r\nhello\r\n0\r\n\r\n");
}

#[tokio::test]
async fn content_must_be_what_its_digests_say() {
    let tried = Tried::start(S3AuthMode::Off);
    tried.send("PUT", "/docs", &[], "").await;
    let put = async |name: &str, value: &str| {
        let (status, _, text) = tried.send("PUT", "/docs/a", &[(name, value)], "hello").await;
        (status, code(&text).to_owned())
    };
    let zeros = "0".repeat(64);
    assert_eq!(put("content-md5", "XUFAKrxLKna5cZ2REBfFkg==").await.0, 200);
    assert_eq!(put("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==").await.1, "BadDigest");
    assert_eq!(put("content-md5", "hello").await.1, "InvalidDigest");
    assert_eq!(put("x-amz-checksum-crc32", "NhCmhg==").await.0, 200);
    assert_eq!(put("x-amz-checksum-crc32c", "NhCmhg==").await.1, "BadDigest");
    assert_eq!(put("x-amz-content-sha256", &zeros).await.1, "XAmzContentSHA256Mismatch");
    assert_eq!(put("x-amz-content-sha256", "UNSIGNED-PAYLOAD").await.0, 200);
}

#[tokio::test]
async fn a_listing_is_encoded_when_asked_for() {
    let tried = Tried::start(S3AuthMode::Off);
    tried.send("PUT", "/docs", &[], "").await;
    for key in ["a%20b/%2B%0A", "a%20b/c", "d%26"] {
        assert_eq!(tried.send("PUT", &format!("/docs/{key}"), &[], "").await.0, 200);
    }
    let list = async |query: &str| tried.send("GET", &format!("/docs?{query}"), &[], "").await.2;
    let text = list("list-type=2&encoding-type=url&prefix=a%20b/").await;
    assert!(text.contains("<Key>a%20b/%2B%0A</Key>"), "{text}");
    assert!(text.contains("<Prefix>a%20b/</Prefix>"), "{text}");
    assert!(text.contains("<KeyCount>2</KeyCount>"), "{text}");
    let text = list("list-type=2&delimiter=/&max-keys=1").await;
    assert!(text.contains("<CommonPrefixes><Prefix>a b/</Prefix></CommonPrefixes>"), "{text}");
    let token = text.split_once("<NextContinuationToken>").unwrap().1.split('<').next().unwrap();
    let text = list(&format!("list-type=2&delimiter=/&continuation-token={token}")).await;
    assert!(
        text.contains("<Key>d&amp;</Key>") && text.contains("<KeyCount>1</KeyCount>"),
        "{text}"
    );
    let text = list("delimiter=/&max-keys=1&encoding-type=url").await;
    assert!(text.contains("<NextMarker>a%20b/</NextMarker>"), "{text}");
    assert_eq!(code(&list("list-type=2&continuation-token=%25").await), "InvalidArgument");
    assert_eq!(code(&list("max-keys=-1").await), "InvalidArgument");
    assert!(list("max-keys=0").await.contains("<IsTruncated>false</IsTruncated>"));
}

#[tokio::test]
async fn a_client_that_waits_to_continue_is_told_to_close() {
    let tried = Tried::start(S3AuthMode::Off);
    tried.send("PUT", "/docs", &[], "").await;
    let waits = [("expect", "100-continue")];
    let closes = |answer: Answer| answer.1.contains_key("connection");
    assert!(closes(tried.send("PUT", "/docs/a", &waits, "").await));
    assert!(!closes(tried.send("PUT", "/docs/a", &waits, "x").await));
    assert!(closes(tried.send("PUT", "/none/a", &waits, "x").await));
    assert!(!closes(tried.send("PUT", "/none/a", &[], "x").await));
}

#[tokio::test]
async fn what_would_be_lost_is_refused() {
    let tried = Tried::start(S3AuthMode::Off);
    tried.send("PUT", "/docs", &[], "").await;
    let put = async |name: &str, value: &str| {
        code(&tried.send("PUT", "/docs/a", &[(name, value)], "x").await.2).to_owned()
    };
    assert_eq!(put("x-amz-acl", "public-read").await, "AccessControlListNotSupported");
    assert_eq!(put("x-amz-tagging", "a=b").await, "NotImplemented");
    assert_eq!(put("x-amz-server-side-encryption", "aws:kms").await, "InvalidRequest");
    assert_eq!(put("x-amz-acl", "bucket-owner-full-control").await, "");
}
