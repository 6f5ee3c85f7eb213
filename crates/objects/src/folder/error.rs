//! Why the folder did not do as asked: what the trait knows, and what only S3 asks for.

use std::io;

use rustix::io::Errno;

use crate::ObjectsError;

/// Why the folder did not do as asked. The texts are in the caller's terms and safe to show.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// What every storage may answer.
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    /// The name cannot be a bucket's.
    #[error(
        "a bucket name has 3 to 63 lower-case letters, digits, dots and hyphens, \
         with a letter or digit at each end"
    )]
    InvalidBucketName,
    /// There is such a bucket, of the same account.
    #[error("the bucket '{0}' exists and is yours")]
    BucketOwned(String),
    /// There is such a bucket, of another account.
    #[error("the bucket '{0}' exists and belongs to another account")]
    BucketTaken(String),
    /// The bucket has objects.
    #[error("the bucket '{0}' is not empty")]
    BucketNotEmpty(String),
    /// A condition of the request does not hold.
    #[error("at least one of the conditions of the request does not hold")]
    Precondition,
    /// The headers and metadata are too large.
    #[error("the {what} have more than {bytes_max} bytes")]
    MetadataTooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it may be.
        bytes_max: usize,
    },
    /// The file system keeps no extended attributes, so metadata would be lost.
    #[error("the file system under the objects folder cannot keep user metadata or headers")]
    MetadataRefused,
    /// The content is not what the caller said it sends.
    #[error("the content does not match the digest sent with it")]
    BadDigest,
    /// The object or part is larger than one may be.
    #[error("an object or part sent at once has at most {0} bytes")]
    TooLarge(u64),
    /// There is no such upload.
    #[error("the upload does not exist; it may have been completed or aborted")]
    NoSuchUpload,
    /// There are too many uploads.
    #[error("there are more than {0} uploads in progress; abort some")]
    TooManyUploads(usize),
    /// A part's number is out of range.
    #[error("a part number is between 1 and {0}")]
    InvalidPartNumber(u16),
    /// A part that was named is not there.
    #[error("part {0} is not there, or its ETag is another")]
    InvalidPart(u16),
    /// The parts were not named in ascending order.
    #[error("the parts are not in ascending order")]
    InvalidPartOrder,
    /// A part other than the last one is too small.
    #[error("part {number} has less than {bytes_min} bytes")]
    PartTooSmall {
        /// Its number.
        number: u16,
        /// How large it must be.
        bytes_min: u64,
    },
    /// The range begins behind the end.
    #[error("the range begins behind the end of the object")]
    InvalidRange,
}

impl From<FolderError> for ObjectsError {
    fn from(err: FolderError) -> Self {
        match err {
            FolderError::Objects(err) => err,
            FolderError::InvalidBucketName
            | FolderError::BucketOwned(_)
            | FolderError::BucketTaken(_)
            | FolderError::BucketNotEmpty(_)
            | FolderError::Precondition
            | FolderError::MetadataTooLarge { .. }
            | FolderError::MetadataRefused
            | FolderError::BadDigest
            | FolderError::TooLarge(_)
            | FolderError::NoSuchUpload
            | FolderError::TooManyUploads(_)
            | FolderError::InvalidPartNumber(_)
            | FolderError::InvalidPart(_)
            | FolderError::InvalidPartOrder
            | FolderError::PartTooSmall { .. }
            | FolderError::InvalidRange => Self::Storage(Box::new(err)),
        }
    }
}

/// A failure of the file system.
pub(super) fn failure(err: impl Into<io::Error>) -> FolderError {
    let err = err.into();
    FolderError::Objects(match Errno::from_io_error(&err) {
        Some(Errno::NOSPC | Errno::DQUOT) => ObjectsError::Full,
        // Only the root of the file system knows how deep a path may be.
        Some(Errno::NAMETOOLONG) => ObjectsError::InvalidKey("it is too deep for the file system"),
        _ => ObjectsError::Storage(Box::new(err)),
    })
}

/// A failure of the file system within a bucket.
pub(super) fn failure_in(bucket: &str, err: impl Into<io::Error>) -> FolderError {
    let err = err.into();
    match Errno::from_io_error(&err) {
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => {
            FolderError::Objects(ObjectsError::AccessDenied(bucket.to_owned()))
        }
        // A folder that is open and gone: the bucket was just removed.
        Some(Errno::NOENT) => FolderError::Objects(ObjectsError::NoSuchBucket(bucket.to_owned())),
        _ => failure(err),
    }
}
