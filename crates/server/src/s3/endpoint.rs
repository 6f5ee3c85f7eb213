//! What the operations of S3 work with: the objects, and who asks.

use std::sync::Arc;

use ::objects::folder::{FolderObjects, Target};
use s3s::S3Request;
use s3s::dto::Owner;

use super::Callers;
use super::anyone::Caller;

/// The endpoint: `operations.rs` makes it speak S3.
pub(super) struct Endpoint {
    pub(super) objects: FolderObjects,
    pub(super) callers: Arc<Callers>,
    pub(super) region: String,
}

impl Endpoint {
    /// The account that a request is made for.
    pub(super) fn account<T>(&self, request: &S3Request<T>) -> String {
        match (request.extensions.get(), &request.credentials) {
            (Some(Caller(account)), _) => account.clone(),
            (None, Some(credentials)) => self.callers.account(Some(&credentials.access_key)),
            (None, None) => self.callers.account(None),
        }
    }

    pub(super) fn target<T>(&self, request: &S3Request<T>, bucket: &str, key: &str) -> Target {
        Target { account: self.account(request), bucket: bucket.to_owned(), key: key.to_owned() }
    }
}

/// An account, as S3 shows it.
pub(super) fn owner(account: String) -> Owner {
    Owner { display_name: None, id: Some(account) }
}
