//! From bytes to an operation and back: routes, limits, request ids.
//!
//! One port carries everything: the API, the paths under `/_/`, and the
//! embedded S3 endpoint for all that is left.
//!
//! Start reading at [`router`].

mod bodies;
mod connections;
mod health;

pub use bodies::Bodies;
pub use connections::serve;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use domain::job::Status;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::time::Instant;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;
use uuid::Uuid;

use crate::api::error::ApiError;
use crate::api::{self, Operation};
use crate::app::App;
use crate::auth::{Caller, SignedRequest, Verifier};

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");

/// The service that takes requests for objects.
pub type S3Service = BoxCloneSyncService<Request, Response, Infallible>;

/// What requests are answered with.
pub struct Http {
    /// What operations work with.
    pub app: Arc<App>,
    /// Who may call them.
    pub verifier: Verifier,
    /// What bounds the bodies of requests.
    pub bodies: Bodies,
    /// The figures.
    pub metrics: PrometheusHandle,
    /// The embedded S3 endpoint, if there is one.
    pub s3: Option<S3Service>,
}

/// The whole port.
pub fn router(http: Arc<Http>) -> Router {
    Router::new()
        .route("/_/health/live", get(health::live))
        .route("/_/health/ready", get(health::ready))
        .route("/_/metrics", get(figures))
        .route("/_/{*rest}", any(StatusCode::NOT_FOUND))
        .fallback(dispatch)
        .with_state(http)
}

async fn figures(State(http): State<Arc<Http>>) -> Response {
    match http.app.store.count_by_status().await {
        Ok(counts) => {
            for status in Status::ALL {
                let jobs = counts.iter().find(|(it, _)| *it == status).map_or(0, |(_, jobs)| *jobs);
                #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
                metrics::gauge!("metaphrast_jobs", "status" => status.as_str()).set(jobs as f64);
            }
        }
        Err(err) => tracing::error!(error = %err, cause = ?err, "could not count the jobs"),
    }
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, text)], http.metrics.render()).into_response()
}

/// Whatever is not under `/_/`: the API by its target header, else objects.
async fn dispatch(State(http): State<Arc<Http>>, request: Request) -> Response {
    let is_api = request.method() == Method::POST
        && (request.uri().path() == "/" || request.headers().contains_key(TARGET));
    match &http.s3 {
        _ if is_api => answer(&http, request).await,
        Some(s3) => match s3.clone().oneshot(request).await {
            Ok(response) => response,
            Err(impossible) => match impossible {},
        },
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn answer(http: &Http, request: Request) -> Response {
    let began = Instant::now();
    let request_id = Uuid::new_v4().to_string();
    let target = target(&request);
    let operation = target.map_or("Unknown", Operation::name);
    let result = perform(http, request, target).await;
    let (status, outcome, body) = match result {
        Ok(body) => (StatusCode::OK, "Success", body),
        Err(err) => {
            if let ApiError::Internal(cause) = &err {
                tracing::error!(request.id = request_id, operation, error = ?cause, "failed");
            }
            let status = StatusCode::from_u16(err.status());
            let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, err.name(), err.body())
        }
    };
    let took = began.elapsed();
    count(operation, status, outcome, took);
    tracing::debug!(
        request.id = request_id,
        operation,
        outcome,
        duration_ms = took.as_millis(),
        "answered"
    );
    let mut response = (status, Body::from(body)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    if let Ok(request_id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, request_id);
    }
    response
}

/// The figures of a request, by the names the service has for them; `ResponseTime`
/// is in milliseconds.
fn count(operation: &'static str, status: StatusCode, outcome: &str, took: Duration) {
    let name = match outcome {
        "ThrottlingException" | "TooManyRequestsException" => "ThrottledCount",
        _ if status.is_success() => "SuccessfulRequestCount",
        _ if status.is_server_error() => "ServerErrorCount",
        _ => "UserErrorCount",
    };
    metrics::counter!(name, "Operation" => operation).increment(1);
    metrics::histogram!("ResponseTime", "Operation" => operation).record(took.as_secs_f64() * 1e3);
}

/// The operation that is asked for, if the request asks for one in a form it is answered in.
fn target(request: &Request) -> Option<Operation> {
    let content_type = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let is_json = ["application/x-amz-json-1.1", "application/x-amz-json-1.0", "application/json"]
        .iter()
        .any(|accepted| essence.eq_ignore_ascii_case(accepted));
    let target = request.headers().get(TARGET)?.to_str().ok()?;
    if is_json { Operation::from_target(target) } else { None }
}

async fn perform(
    http: &Http,
    request: Request,
    operation: Option<Operation>,
) -> Result<String, ApiError> {
    let (head, body) = request.into_parts();
    let received = http.bodies.read(body).await?;
    let body = received.bytes();
    let operation = operation.ok_or(ApiError::UnknownOperation)?;
    let signed =
        SignedRequest { method: &head.method, uri: &head.uri, headers: &head.headers, body };
    let caller: Caller = http.verifier.verify(signed, (http.app.clock)())?;
    api::perform(&http.app, &caller, operation, body).await
}
