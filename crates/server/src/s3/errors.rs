//! What S3 calls the reasons for which the storage refuses.

use ::objects::ObjectsError;
use ::objects::folder::FolderError;
use axum::http::StatusCode;
use s3s::{S3Error, S3ErrorCode, s3_error};

/// The answer to what the storage refused.
pub(super) fn refused(err: FolderError) -> S3Error {
    let text = err.to_string();
    let code = match err {
        FolderError::Objects(err) => return refused_by_objects(err),
        FolderError::InvalidBucketName => S3ErrorCode::InvalidBucketName,
        FolderError::BucketOwned(_) => S3ErrorCode::BucketAlreadyOwnedByYou,
        FolderError::BucketTaken(_) => S3ErrorCode::BucketAlreadyExists,
        FolderError::BucketNotEmpty(_) => S3ErrorCode::BucketNotEmpty,
        FolderError::Precondition => S3ErrorCode::PreconditionFailed,
        FolderError::MetadataTooLarge { .. } => S3ErrorCode::MetadataTooLarge,
        FolderError::MetadataRefused => S3ErrorCode::NotImplemented,
        FolderError::BadDigest => S3ErrorCode::BadDigest,
        FolderError::TooLarge(_) => S3ErrorCode::EntityTooLarge,
        FolderError::NoSuchUpload => S3ErrorCode::NoSuchUpload,
        FolderError::TooManyUploads(_) => S3ErrorCode::SlowDown,
        FolderError::InvalidPartNumber(_) => S3ErrorCode::InvalidArgument,
        FolderError::InvalidPart(_) => S3ErrorCode::InvalidPart,
        FolderError::InvalidPartOrder => S3ErrorCode::InvalidPartOrder,
        FolderError::PartTooSmall { .. } => S3ErrorCode::EntityTooSmall,
        FolderError::InvalidRange => S3ErrorCode::InvalidRange,
    };
    S3Error::with_message(code, text)
}

fn refused_by_objects(err: ObjectsError) -> S3Error {
    let text = err.to_string();
    let code = match err {
        ObjectsError::NoSuchBucket(_) => S3ErrorCode::NoSuchBucket,
        ObjectsError::NoSuchKey(_) => S3ErrorCode::NoSuchKey,
        ObjectsError::Changed(_) => S3ErrorCode::PreconditionFailed,
        ObjectsError::TooLarge { .. } => S3ErrorCode::EntityTooLarge,
        ObjectsError::InvalidKey(_) => S3ErrorCode::InvalidArgument,
        ObjectsError::AccessDenied(_) => S3ErrorCode::AccessDenied,
        ObjectsError::KeyRefused(_) => S3ErrorCode::InvalidRequest,
        // Clients try again after the usual 503, and it would not help.
        ObjectsError::Full => {
            return custom("InsufficientStorage", StatusCode::INSUFFICIENT_STORAGE, text);
        }
        ObjectsError::Storage(source) => {
            tracing::error!(error = %source, "the objects folder failed");
            return s3_error!(InternalError, "{text}");
        }
    };
    S3Error::with_message(code, text)
}

/// An answer that `s3s` has no name for.
pub(super) fn custom(code: &'static str, status: StatusCode, text: String) -> S3Error {
    let mut err = S3Error::with_message(S3ErrorCode::Custom(code.into()), text);
    err.set_status_code(status);
    err
}
