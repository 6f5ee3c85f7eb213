//! The embedded S3 endpoint: buckets and objects of [`FolderObjects`] for every S3 client.
//!
//! The crate `s3s` speaks the protocol: it reads requests, verifies signatures and
//! writes XML. `operations.rs` says what each operation does. Here and in `anyone.rs`
//! and `chunked.rs` stands what must happen before `s3s` sees a request.
//!
//! Knows nothing of jobs. Start reading at [`service`].

mod anyone;
mod body;
mod chunked;
mod endpoint;
mod errors;
mod listings;
mod objects;
mod operations;
#[cfg(test)]
mod tests;
mod uploads;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use ::objects::folder::FolderObjects;
use async_trait::async_trait;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use s3s::auth::{S3Auth, SecretKey};
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Result, s3_error};
use tower::util::BoxCloneSyncService;
use uuid::Uuid;

use self::endpoint::Endpoint;

/// The largest request in XML: 10,000 parts with all their checksums.
const XML_BYTES_MAX: usize = 8 << 20;

/// Who may use the endpoint.
#[derive(Clone, Debug)]
pub struct S3AuthSettings {
    /// Whether signatures are verified.
    pub mode: S3AuthMode,
    /// The keys that are known.
    pub keys: Vec<S3Key>,
    /// The account of callers without a known key, where there may be such.
    pub default_account: String,
    /// The region that buckets are said to be in.
    pub region: String,
}

/// Whether signatures are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum S3AuthMode {
    /// Only requests with a right signature of a known key.
    Strict,
    /// All requests; a known key still says which account is meant.
    Off,
}

/// A key and whose it is.
#[derive(Clone, Debug)]
pub struct S3Key {
    /// Its public part.
    pub access_key_id: String,
    /// Its secret part, which is never printed.
    pub secret_access_key: SecretKey,
    /// The account it stands for.
    pub account: String,
}

/// The endpoint, as axum's `fallback_service` takes it.
pub fn service(
    objects: FolderObjects,
    auth: S3AuthSettings,
) -> BoxCloneSyncService<Request, Response, Infallible> {
    let S3AuthSettings { mode, keys, default_account, region } = auth;
    let accounts =
        keys.iter().map(|key| (key.access_key_id.clone(), key.account.clone())).collect();
    let callers = Arc::new(Callers { mode, accounts, default_account });
    let mut builder =
        S3ServiceBuilder::new(Endpoint { objects, callers: Arc::clone(&callers), region });
    let mut config = S3Config::default();
    config.xml_max_body_size = XML_BYTES_MAX;
    builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
    match mode {
        S3AuthMode::Strict => builder.set_auth(KeyRing::new(keys)),
        S3AuthMode::Off => (),
    }
    let s3 = builder.build();
    BoxCloneSyncService::new(tower::service_fn(move |request| {
        let (s3, callers) = (s3.clone(), Arc::clone(&callers));
        async move { Ok(answer(s3, &callers, request).await) }
    }))
}

/// Which account a caller stands for.
#[derive(Debug)]
struct Callers {
    mode: S3AuthMode,
    accounts: HashMap<String, String>,
    default_account: String,
}

impl Callers {
    fn account(&self, access_key_id: Option<&str>) -> String {
        let known = access_key_id.and_then(|id| self.accounts.get(id));
        known.unwrap_or(&self.default_account).clone()
    }
}

async fn answer(s3: S3Service, callers: &Callers, request: Request) -> Response {
    let id = Uuid::new_v4().simple().to_string().to_uppercase();
    let continues = Continues::of(&request);
    let prepared = match callers.mode {
        S3AuthMode::Strict => refuse_version_2(request).map(chunked::bound),
        S3AuthMode::Off => anyone::admit(request, callers),
    };
    let answered = match prepared {
        Ok(request) => s3.call(request.map(s3s::Body::http_body_unsync)).await,
        Err(err) => err.to_http_response().map_err(|err| s3s::HttpError::new(Box::new(err))),
    };
    let mut response = match answered {
        Ok(response) => response.map(Body::new),
        Err(err) => {
            let err: Box<dyn std::error::Error + Send + Sync> = err.into();
            tracing::error!(error = %err, "could not answer an S3 request");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    };
    let id = HeaderValue::try_from(id).expect("hexadecimal digits are a header's value");
    response.headers_mut().insert("x-amz-request-id", id);
    if continues.must_close(response.status()) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// What a client waits for before it sends the content.
///
/// A boto3 that waited for `100 Continue` and got the answer at once misreads the
/// next answer on the same connection, unless it is told to close it, as S3 does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Continues {
    /// It does not wait.
    Unasked,
    /// It waits, and has content to send.
    WithContent,
    /// It waits, though there is nothing to send.
    WithNothing,
}

impl Continues {
    fn of(request: &Request) -> Self {
        let headers = request.headers();
        let has = |name, value: &[u8]| {
            headers.get(name).is_some_and(|own| own.as_bytes().eq_ignore_ascii_case(value))
        };
        if !has(EXPECT, b"100-continue") {
            return Self::Unasked;
        }
        if has(CONTENT_LENGTH, b"0") { Self::WithNothing } else { Self::WithContent }
    }

    fn must_close(self, status: StatusCode) -> bool {
        match self {
            Self::Unasked => false,
            Self::WithContent => !status.is_success(),
            Self::WithNothing => true,
        }
    }
}

/// Refuses signatures of version 2 in a header: they are weak and long out of use.
///
/// In a query they stay, because boto3 signs links so unless it is told otherwise.
fn refuse_version_2(request: Request) -> S3Result<Request> {
    let header = request.headers().get(AUTHORIZATION);
    if header.is_some_and(|value| value.as_bytes().starts_with(b"AWS ")) {
        return Err(s3_error!(
            InvalidRequest,
            "The authorization mechanism you have provided is not supported. \
             Please use AWS4-HMAC-SHA256."
        ));
    }
    Ok(request)
}

struct KeyRing {
    secrets: HashMap<String, SecretKey>,
}

impl KeyRing {
    fn new(keys: Vec<S3Key>) -> Self {
        let secrets = keys
            .into_iter()
            .map(|S3Key { access_key_id, secret_access_key, account: _ }| {
                (access_key_id, secret_access_key)
            })
            .collect();
        Self { secrets }
    }
}

#[async_trait]
impl S3Auth for KeyRing {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let secret = self.secrets.get(access_key).cloned();
        secret.ok_or_else(|| s3_error!(InvalidAccessKeyId))
    }
}
