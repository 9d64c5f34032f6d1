//! One request: named, routed, answered, counted and logged.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use berth_oci_api::ResponseBody;
use berth_registry::access::{ClientAddress, Transport};
use berth_registry::ports::{Consistency, Key, ReadTable};
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};
use uuid::Uuid;

use crate::api::{Api, plain_text};
use crate::body::Body;
use crate::metrics::Metrics;
use crate::proxies::{Origin, OriginError, TrustedProxies, is_host};
use crate::request;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const AMZN_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// What answers requests: an API, and the server's own paths.
#[derive(Debug)]
pub struct Service<A> {
    api: A,
    metrics: Metrics,
    table: Arc<dyn ReadTable>,
    base_url: BaseUrl,
    proxies: TrustedProxies,
}

/// The URL under which clients see the server.
#[derive(Clone, Debug)]
pub enum BaseUrl {
    /// This one, whatever a request's host is.
    Fixed(String),
    /// The one that a request names, or a trusted proxy for it, or this one if none is named.
    OfRequest(String),
}

/// What is known of the connection that a request came by.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    scheme: &'static str,
    /// Address of the other end, unless it has gone already.
    client: Option<ClientAddress>,
    #[cfg(target_os = "linux")]
    regions: Option<crate::sendfile::Regions>,
}

impl Connection {
    /// A connection on which files are read and copied.
    pub(crate) fn copying(scheme: &'static str, client: Option<ClientAddress>) -> Self {
        Self {
            scheme,
            client,
            #[cfg(target_os = "linux")]
            regions: None,
        }
    }

    /// A connection that sends files by itself.
    #[cfg(target_os = "linux")]
    pub(crate) fn sending_files(
        scheme: &'static str,
        client: Option<ClientAddress>,
        regions: crate::sendfile::Regions,
    ) -> Self {
        Self { scheme, client, regions: Some(regions) }
    }
}

/// Where a request goes.
#[derive(Clone, Copy)]
enum Target {
    Health,
    Metrics,
    /// To the API, as this kind of request.
    Api(&'static str),
    /// Nowhere: what proxies say of its origin can't be believed.
    Refused(OriginError),
    /// Nowhere: it names two hosts ([RFC 9112, section 3.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2)).
    TwoHosts,
}

impl Target {
    fn of(method: &Method, path: &str, api: &impl Api) -> Self {
        match (method, path) {
            (&Method::GET | &Method::HEAD, "/healthz") => Self::Health,
            (&Method::GET, "/metrics") => Self::Metrics,
            _ => Self::Api(api.kind(method, path)),
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Metrics => "metrics",
            Self::Api(kind) => kind,
            Self::Refused(_) | Self::TwoHosts => "refused",
        }
    }
}

impl<A: Api> Service<A> {
    /// Puts a server around `api`. It is healthy while `table` answers.
    #[must_use]
    pub fn new(api: A, table: Arc<dyn ReadTable>, base_url: BaseUrl) -> Self {
        let proxies = TrustedProxies::default();
        Self { api, metrics: Metrics::new(), table, base_url, proxies }
    }

    /// Believes what these proxies say of a request's origin.
    #[must_use]
    pub fn trusting(self, proxies: TrustedProxies) -> Self {
        Self { proxies, ..self }
    }

    /// Answers a request. One that changes something runs to its end even if the client goes.
    pub(crate) async fn call(
        self: Arc<Self>,
        mut request: Request<Incoming>,
        connection: &Connection,
    ) -> Response<Body> {
        let started = Instant::now();
        let id = Uuid::new_v4();
        let (method, version) = (request.method().clone(), request.version());
        let path = request.uri().path().to_owned();
        let (target, origin) = match self.proxies.origin(connection.client, request.headers()) {
            Ok(origin) if request.headers().get_all(HOST).iter().nth(1).is_some() => {
                (Target::TwoHosts, origin)
            }
            Ok(origin) => (Target::of(&method, &path, &self.api), origin),
            Err(error) => (Target::Refused(error), Origin::default()),
        };
        let route = target.kind();
        let base_url = self.base_url(&request, connection, &origin);
        if let Some(client) = origin.client {
            request.extensions_mut().insert(client);
        }
        if let Some(transport) = self.transport(connection, &origin) {
            request.extensions_mut().insert(transport);
        }
        let reads = matches!(method, Method::GET | Method::HEAD);
        let service = Arc::clone(&self);
        let answer = async move { service.answer(target, request, &base_url).await };
        let answered = match reads {
            true => futures_util::FutureExt::catch_unwind(AssertUnwindSafe(answer)).await.ok(),
            false => tokio::spawn(answer).await.ok(),
        };
        let mut response =
            answered.unwrap_or_else(|| plain_text(StatusCode::INTERNAL_SERVER_ERROR, ""));
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
            Target::Metrics => plain_text(StatusCode::OK, self.metrics.text()),
            Target::Refused(error) => plain_text(StatusCode::BAD_REQUEST, format!("{error}\n")),
            Target::TwoHosts => plain_text(StatusCode::BAD_REQUEST, "two `Host` headers\n"),
            Target::Api(kind) => {
                let _in_flight = (kind == "upload" && *request.method() != Method::GET)
                    .then(|| self.metrics.upload());
                self.api.answer(request, base_url).await
            }
        }
    }

    /// Says whether the store answers.
    async fn health(&self) -> Response<ResponseBody> {
        // A name that no item has. Not an empty one: a table may refuse that.
        let key = Key { partition: "health".to_owned(), sort: "health".to_owned() };
        match self.table.get(&key, Consistency::Strong).await {
            Ok(_) => plain_text(StatusCode::OK, "ok\n"),
            Err(error) => {
                tracing::error!(%error, "store failed");
                plain_text(StatusCode::SERVICE_UNAVAILABLE, "the store does not answer\n")
            }
        }
    }

    /// Returns how the client speaks, if more is known of it than the base URL says: by TLS here, or
    /// as trusted proxies say. Where some are trusted, nobody else ends TLS.
    fn transport(&self, connection: &Connection, origin: &Origin) -> Option<Transport> {
        match (connection.scheme, origin.transport) {
            (_, Some(transport)) => Some(transport),
            ("https", None) => Some(Transport::Tls),
            (_, None) => (!self.proxies.are_none()).then_some(Transport::Plain),
        }
    }

    /// Returns the URL that the client sees: the fixed one, or the one that it asked for.
    fn base_url(
        &self,
        request: &Request<Incoming>,
        connection: &Connection,
        origin: &Origin,
    ) -> String {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let authority = request.uri().authority().map(hyper::http::uri::Authority::as_str);
        let asked = origin.host.as_deref().or(authority).or(host).filter(|host| is_host(host));
        let scheme = match origin.transport {
            Some(Transport::Tls) => "https",
            Some(Transport::Plain) => "http",
            None => connection.scheme,
        };
        match (&self.base_url, asked) {
            (BaseUrl::OfRequest(_), Some(host)) => format!("{scheme}://{host}"),
            (BaseUrl::Fixed(url) | BaseUrl::OfRequest(url), _) => url.clone(),
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

/// Puts the request's id on its answer, under the names that people and AWS clients look for.
fn name(response: &mut Response<ResponseBody>, id: Uuid) {
    let Ok(value) = HeaderValue::from_str(&id.to_string()) else { return };
    response.headers_mut().insert(REQUEST_ID, value.clone());
    response.headers_mut().insert(AMZN_REQUEST_ID, value);
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
