//! Places in object storage, as callers name them. Knows nothing of how they are reached.

use std::fmt;
use std::str::FromStr;

/// A place in object storage: `s3://bucket/folder`.
///
/// Parsed once at the edge. Code past the edge asks for the bucket or the
/// folder and never takes the URI apart again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Location {
    // Invariant: `s3://`, a valid bucket name, and nothing or `/` and the rest.
    uri: String,
    bucket_end: usize,
}

/// Why a text is not an [`S3Location`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidS3Location {
    /// Longer than [`S3Location::MAX_BYTES`].
    #[error("an S3 location is at most {} bytes long", S3Location::MAX_BYTES)]
    TooLong,
    /// Does not begin with `s3://`.
    #[error("an S3 location begins with s3://")]
    Scheme,
    /// The bucket's name is not one.
    #[error(
        "a bucket name has 3 to 63 lower-case letters, digits, dots and hyphens, \
         with a letter or digit at each end"
    )]
    Bucket,
}

impl S3Location {
    /// The longest URI of the service's model.
    pub const MAX_BYTES: usize = 1024;

    const SCHEME: &str = "s3://";

    /// The URI exactly as it was given.
    pub fn as_str(&self) -> &str {
        &self.uri
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.uri[Self::SCHEME.len()..self.bucket_end]
    }

    /// The prefix of all keys inside the folder: empty for the top of the
    /// bucket, else ending in a slash.
    ///
    /// `s3://b/folder` and `s3://b/folder/` are the same folder.
    pub fn folder(&self) -> String {
        match self.uri[self.bucket_end..].strip_prefix('/') {
            None | Some("") => String::new(),
            Some(key) if key.ends_with('/') => key.to_owned(),
            Some(key) => format!("{key}/"),
        }
    }

    /// The folder of this name inside this folder; `name` ends in a slash.
    ///
    /// May be longer than what a caller may name.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let bucket = self.bucket();
        let uri = format!("{}{bucket}/{}{name}", Self::SCHEME, self.folder());
        Self { uri, bucket_end: self.bucket_end }
    }
}

impl FromStr for S3Location {
    type Err = InvalidS3Location;

    fn from_str(uri: &str) -> Result<Self, InvalidS3Location> {
        if Self::MAX_BYTES < uri.len() {
            return Err(InvalidS3Location::TooLong);
        }
        let path = uri.strip_prefix(Self::SCHEME).ok_or(InvalidS3Location::Scheme)?;
        let bucket = path.split_once('/').map_or(path, |(bucket, _)| bucket);
        if !is_bucket_name(bucket) {
            return Err(InvalidS3Location::Bucket);
        }
        Ok(Self { uri: uri.to_owned(), bucket_end: Self::SCHEME.len() + bucket.len() })
    }
}

impl fmt::Display for S3Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri)
    }
}

/// Whether `name` may name a bucket: 3 to 63 of `a-z 0-9 . -`, a letter or digit at each end.
pub fn is_bucket_name(name: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|&byte| alphanumeric(byte) || byte == b'.' || byte == b'-')
        && alphanumeric(bytes[0])
        && alphanumeric(bytes[bytes.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, bucket: &str, folder: &str) {
        let location: S3Location = uri.parse().unwrap();
        assert_eq!(
            (location.as_str(), location.bucket(), location.folder().as_str()),
            (uri, bucket, folder)
        );
    }

    #[test]
    fn the_parts_of_a_location_come_apart() {
        check("s3://bucket", "bucket", "");
        check("s3://bucket/", "bucket", "");
        check("s3://bucket/docs", "bucket", "docs/");
        check("s3://bucket/docs/", "bucket", "docs/");
        check("s3://bucket/a//b", "bucket", "a//b/");
        check("s3://bucket//", "bucket", "/");
    }

    #[test]
    fn what_is_not_a_location_is_named() {
        let error = |uri: &str| uri.parse::<S3Location>().unwrap_err();
        assert_eq!(error("http://bucket/x"), InvalidS3Location::Scheme);
        assert_eq!(error("s3://B/x"), InvalidS3Location::Bucket);
        assert_eq!(error("s3://-ab/x"), InvalidS3Location::Bucket);
        assert_eq!(error(&format!("s3://bucket/{}", "x".repeat(1013))), InvalidS3Location::TooLong);
    }
}
