//! The content that a client sends, with every digest it names verified.

use ::objects::folder::{FolderWriter, Written};
use axum::http::{Extensions, HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_body_util::BodyExt as _;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::{Checksum, StreamingBlob};
use s3s::{Body, S3Error, S3Request, S3Result, TrailingHeaders, s3_error};
use sha2::Digest as _;

use super::chunked::Trailers;
use super::errors::{custom, refused};

/// The SHA-256 of the content in hexadecimal digits, where `s3s` does not verify it.
#[derive(Clone, Debug)]
pub(super) struct ContentSha256(String);

/// The digest in `x-amz-content-sha256`, if there is one.
pub(super) fn content_sha256(headers: &HeaderMap) -> Option<ContentSha256> {
    let value = headers.get("x-amz-content-sha256")?.to_str().ok()?;
    let is_digest = value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then(|| ContentSha256(value.to_ascii_lowercase()))
}

/// What a client says of the content it sends.
pub(super) struct Announced {
    md5: Option<[u8; 16]>,
    sha256: Option<ContentSha256>,
    /// In the order of [`named`].
    checksums: [Option<String>; 5],
    /// The names of those that follow the content.
    trailing: String,
    trailers: Option<Trailers>,
    trailers_s3s: Option<TrailingHeaders>,
}

impl Announced {
    /// Reads the headers of a request. `md5` is its `Content-MD5`.
    pub(super) fn of<T>(request: &S3Request<T>, md5: Option<&str>) -> S3Result<Self> {
        let md5 = match md5 {
            Some(md5) => {
                let digest = BASE64.decode(md5).ok().and_then(|md5| md5.try_into().ok());
                Some(digest.ok_or_else(|| s3_error!(InvalidDigest))?)
            }
            None => None,
        };
        let header = |name: &str| Some(request.headers.get(name)?.to_str().ok()?.to_owned());
        let extensions: &Extensions = &request.extensions;
        Ok(Self {
            md5,
            sha256: extensions.get().cloned(),
            checksums: NAMES.map(header),
            trailing: header("x-amz-trailer").unwrap_or_default().to_ascii_lowercase(),
            trailers: extensions.get().cloned(),
            trailers_s3s: request.trailing_headers.clone(),
        })
    }

    fn hasher(&self) -> ChecksumHasher {
        let is_named =
            |index: usize| self.checksums[index].is_some() || self.is_trailing(NAMES[index]);
        ChecksumHasher {
            crc32: is_named(0).then(Crc32::new),
            crc32c: is_named(1).then(Crc32c::new),
            crc64nvme: is_named(2).then(Crc64Nvme::new),
            sha1: is_named(3).then(Sha1::new),
            sha256: is_named(4).then(Sha256::new),
        }
    }

    fn is_trailing(&self, name: &str) -> bool {
        self.trailing.split(',').any(|trailing| trailing.trim() == name)
    }

    fn trailing(&self, name: &str) -> Option<String> {
        let value = match (&self.trailers, &self.trailers_s3s) {
            (Some(trailers), _) => trailers.get(name),
            (None, Some(trailers)) => trailers.read(|headers| headers.get(name).cloned())?,
            (None, None) => None,
        };
        Some(value?.to_str().ok()?.to_owned())
    }

    fn verify(&self, own: &Checksum) -> S3Result<()> {
        for (index, own) in named(own).into_iter().enumerate() {
            let name = NAMES[index];
            let is_trailing = self.is_trailing(name);
            let expected = match &self.checksums[index] {
                None if is_trailing => self.trailing(name),
                header => header.clone(),
            };
            match (expected, own) {
                (Some(expected), Some(own)) if expected != *own => {
                    return Err(s3_error!(
                        BadDigest,
                        "the content does not match the header {name} sent with it"
                    ));
                }
                (None, Some(_)) if is_trailing => {
                    return Err(custom(
                        "MalformedTrailerError",
                        StatusCode::BAD_REQUEST,
                        format!("the announced trailing header {name} did not come"),
                    ));
                }
                (Some(_) | None, Some(_) | None) => (),
            }
        }
        Ok(())
    }
}

const NAMES: [&str; 5] = [
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
];

fn named(checksum: &Checksum) -> [Option<&String>; 5] {
    [
        checksum.checksum_crc32.as_ref(),
        checksum.checksum_crc32c.as_ref(),
        checksum.checksum_crc64nvme.as_ref(),
        checksum.checksum_sha1.as_ref(),
        checksum.checksum_sha256.as_ref(),
    ]
}

/// Writes what a client sends, if it is what the client said it is.
pub(super) async fn receive(
    content: Option<StreamingBlob>,
    announced: Announced,
    mut writer: FolderWriter,
) -> S3Result<(Written, Checksum)> {
    let mut hasher = announced.hasher();
    let mut sha256 = announced.sha256.as_ref().map(|_| sha2::Sha256::new());
    let mut content = content.map(Body::from).unwrap_or_default();
    while let Some(frame) = content.frame().await {
        let frame = frame.map_err(|err| broken(&err.to_string()))?;
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        hasher.update(&piece);
        if let Some(sha256) = &mut sha256 {
            sha256.update(&piece);
        }
        writer.write(piece).await.map_err(refused)?;
    }
    let own = hasher.finalize();
    announced.verify(&own)?;
    if let (Some(own), Some(ContentSha256(expected))) = (sha256, &announced.sha256)
        && hex::encode(own.finalize()) != *expected
    {
        return Err(content_sha256_mismatch());
    }
    let written = writer.finish(announced.md5).await.map_err(refused)?;
    Ok((written, own))
}

/// Why a body ended early. The types of `s3s`'s own reasons are private; their texts are not.
fn broken(text: &str) -> S3Error {
    if text.contains("Sha256Mismatch") {
        return content_sha256_mismatch();
    }
    if text.contains("SignatureMismatch") {
        return s3_error!(SignatureDoesNotMatch);
    }
    s3_error!(IncompleteBody, "the content is incomplete or malformed")
}

fn content_sha256_mismatch() -> S3Error {
    custom(
        "XAmzContentSHA256Mismatch",
        StatusCode::BAD_REQUEST,
        "the content does not match the header x-amz-content-sha256".to_owned(),
    )
}
