//! One request: named, routed, answered, counted and logged.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use berth_ecr_api::{EcrApi, MOST_BODY_BYTES};
use berth_embedded::SqliteTable;
use berth_oci_api::{OciApi, RequestBody, ResponseBody, Route};
use berth_registry::ports::{Consistency, Key, ReadTable};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};
use uuid::Uuid;

use super::body::Body;
use super::metrics::Metrics;
use super::request;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const AMZN_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// What answers requests: both APIs, and the server's own paths.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) oci: OciApi,
    pub(crate) ecr: EcrApi,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) table: Arc<SqliteTable>,
    /// What clients see if a request does not name its host.
    pub(crate) base_url: String,
    /// Whether the request's host does not matter.
    pub(crate) base_url_is_fixed: bool,
}

/// What is known of the connection that a request came by.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    scheme: &'static str,
    #[cfg(target_os = "linux")]
    regions: Option<super::sendfile::Regions>,
}

impl Connection {
    /// A connection on which files are read and copied.
    pub(super) fn copying(scheme: &'static str) -> Self {
        Self {
            scheme,
            #[cfg(target_os = "linux")]
            regions: None,
        }
    }

    /// A connection that sends files by itself.
    #[cfg(target_os = "linux")]
    pub(super) fn sending_files(scheme: &'static str, regions: super::sendfile::Regions) -> Self {
        Self { scheme, regions: Some(regions) }
    }
}

/// Where a request goes.
enum Target {
    Health,
    Metrics,
    Ecr,
    Oci(&'static str),
}

impl Target {
    fn of(method: &Method, path: &str) -> Self {
        match (method, path) {
            (&Method::GET | &Method::HEAD, "/healthz") => Self::Health,
            (&Method::GET, "/metrics") => Self::Metrics,
            (&Method::POST, "/") => Self::Ecr,
            _ => Self::Oci(Route::parse(path).map_or("unknown", |route| route.kind())),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Metrics => "metrics",
            Self::Ecr => "ecr",
            Self::Oci(kind) => kind,
        }
    }
}

impl Service {
    /// Answers a request. One that changes something runs to its end even if the client goes.
    pub(super) async fn call(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: &Connection,
    ) -> Response<Body> {
        let started = Instant::now();
        let id = Uuid::new_v4();
        let (method, version) = (request.method().clone(), request.version());
        let path = request.uri().path().to_owned();
        let target = Target::of(&method, &path);
        let route = target.kind();
        let base_url = self.base_url(&request, connection);
        let reads = matches!(method, Method::GET | Method::HEAD);
        let service = Arc::clone(&self);
        let answer = async move { service.answer(target, request, &base_url).await };
        let answered = match reads {
            true => futures_util::FutureExt::catch_unwind(AssertUnwindSafe(answer)).await.ok(),
            false => tokio::spawn(answer).await.ok(),
        };
        let mut response = answered.unwrap_or_else(|| plain(StatusCode::INTERNAL_SERVER_ERROR, ""));
        name(&mut response, id);
        let status = response.status().as_u16();
        let duration = started.elapsed();
        self.metrics.answered(method_name(&method), route, status, duration);
        let ms = duration.as_secs_f64() * 1000.0;
        tracing::info!(%method, path, status, ms, request_id = %id, "answered");
        response.map(|body| self.body(body, version, connection))
    }

    async fn answer(
        &self,
        target: Target,
        request: Request<Incoming>,
        base_url: &str,
    ) -> Response<ResponseBody> {
        let request = request::body(request, self.metrics.received.clone());
        match target {
            Target::Health => self.health().await,
            Target::Metrics => plain(StatusCode::OK, self.metrics.text()),
            Target::Ecr => self.ecr(request, base_url).await,
            Target::Oci(kind) => {
                let _in_flight = (kind == "upload" && *request.method() != Method::GET)
                    .then(|| self.metrics.upload());
                self.oci.handle(request, base_url).await
            }
        }
    }

    /// Says whether the store answers.
    async fn health(&self) -> Response<ResponseBody> {
        let key = Key { partition: "health".to_owned(), sort: String::new() };
        match self.table.get(&key, Consistency::Strong).await {
            Ok(_) => plain(StatusCode::OK, "ok\n"),
            Err(error) => {
                tracing::error!(%error, "store failed");
                plain(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n")
            }
        }
    }

    async fn ecr(&self, request: Request<RequestBody>, base_url: &str) -> Response<ResponseBody> {
        let (parts, body) = request.into_parts();
        match Limited::new(body, MOST_BODY_BYTES).collect().await {
            Ok(body) => {
                let request = Request::from_parts(parts, body.to_bytes());
                self.ecr.handle(request, base_url).await.map(ResponseBody::Bytes)
            }
            Err(error) => plain(StatusCode::PAYLOAD_TOO_LARGE, format!("{error}\n")),
        }
    }

    /// Returns the URL that the client sees: the fixed one, or the one that it asked for.
    fn base_url(&self, request: &Request<Incoming>, connection: &Connection) -> String {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let authority = request.uri().authority().map(hyper::http::uri::Authority::as_str);
        match authority.or(host).filter(|host| is_host(host)) {
            Some(host) if !self.base_url_is_fixed => format!("{}://{host}", connection.scheme),
            _ => self.base_url.clone(),
        }
    }

    /// Chooses how the body goes out.
    fn body(&self, body: ResponseBody, version: Version, connection: &Connection) -> Body {
        let sent = self.metrics.sent.clone();
        match body {
            ResponseBody::Bytes(bytes) => Body::bytes(bytes, sent),
            #[cfg(target_os = "linux")]
            ResponseBody::File(region) => match &connection.regions {
                Some(regions) if version < Version::HTTP_2 => {
                    Body::sent(region, regions.clone(), sent)
                }
                _ => Body::read(region, sent),
            },
            #[cfg(not(target_os = "linux"))]
            ResponseBody::File(region) => Body::read(region, sent),
        }
    }
}

/// Whether a `Host` is a name or address with or without a port, and nothing else.
fn is_host(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    !host.is_empty() && host.len() <= 255 && host.bytes().all(allowed)
}

/// Puts the request's id on its answer, under the names that people and AWS clients look for.
fn name(response: &mut Response<ResponseBody>, id: Uuid) {
    let Ok(value) = HeaderValue::from_str(&id.to_string()) else { return };
    response.headers_mut().insert(REQUEST_ID, value.clone());
    response.headers_mut().insert(AMZN_REQUEST_ID, value);
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<ResponseBody> {
    let bytes = text.into();
    let length = bytes.len();
    let mut response = Response::new(ResponseBody::Bytes(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// Returns a method's name; clients can't make up new labels.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
