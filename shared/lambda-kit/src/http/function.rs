use std::sync::Arc;
use std::time::Instant;

use berth_registry::ports::{StoreError, StoreErrorKind};
use berth_settings::Settings;
use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use lambda_runtime::{Context, Diagnostic, Error, LambdaEvent, Runtime, service_fn};
use tokio::sync::OnceCell;
use tracing::Instrument;

use super::api::HttpApi;
use super::event::HttpEvent;
use super::reply::HttpReply;
use crate::deadline::within;
use crate::invocation;
use crate::metrics::{Figures, Metrics, Outcome};
use crate::panics::{Panicked, caught};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const AMZN_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// Answers events of an API Gateway by an API of the registry, until the process is ended.
///
/// `open` makes the API when the first request comes, and again with the next one if it can't:
/// what asks a service waits until then, so that a process is soon ready.
pub async fn serve_http<A, O>(settings: &Settings, open: O) -> Result<(), Error>
where
    A: HttpApi,
    O: AsyncFn() -> Result<A, StoreError>,
{
    let public_url = settings.public_url.clone();
    let function = Arc::new(HttpFunction::new(public_url, open, Metrics::to_standard_output()));
    let serve = move |event| {
        let function = Arc::clone(&function);
        async move { function.call(event).await }
    };
    Runtime::new(service_fn(serve)).run().await
}

/// One function behind an API Gateway.
#[derive(Debug)]
pub struct HttpFunction<A, O> {
    /// What clients see; without it, the host that they asked for.
    public_url: Option<String>,
    open: O,
    api: OnceCell<A>,
    metrics: Metrics,
}

/// What is said of a request in the log.
struct Line {
    method: String,
    path: String,
    route: &'static str,
    gateway_request_id: Option<String>,
}

impl<A, O> HttpFunction<A, O>
where
    A: HttpApi,
    O: AsyncFn() -> Result<A, StoreError>,
{
    /// Makes a function of what [`serve_http`] takes.
    pub fn new(public_url: Option<String>, open: O, metrics: Metrics) -> Self {
        Self { public_url, open, api: OnceCell::new(), metrics }
    }

    /// Answers one event. Only a panic is an error, so that Lambda counts it as one.
    pub async fn call(&self, event: LambdaEvent<HttpEvent>) -> Result<HttpReply, Diagnostic> {
        let started = Instant::now();
        let LambdaEvent { payload, context } = event;
        let (form, line) = (payload.form(), Line::of::<A>(&payload));
        let bytes_in = payload.body_length();
        let span = invocation::span(&context, line.gateway_request_id.as_deref());
        // On the heap: the API's future is large, and would be moved with each of those around it.
        let answer = within(&context, Box::pin(self.answer(payload)));
        let answered = caught(answer).instrument(span.clone()).await;
        let response = span.in_scope(|| match answered {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(late)) => {
                tracing::error!(error = %late, "no answer in time");
                let message = "the registry ran out of time, try again";
                Ok(busy::<A>(message))
            }
            Err(panicked) => Err(panicked),
        });
        let status = response.as_ref().map_or(StatusCode::INTERNAL_SERVER_ERROR, Response::status);
        let duration = started.elapsed();
        let outcome = if status.is_server_error() { Outcome::Failed } else { Outcome::Answered };
        let function = context.env_config.function_name.as_str();
        self.metrics.count(&Figures { function, route: line.route, outcome, duration, bytes_in });
        line.log(&context, status, duration.as_secs_f64() * 1000.0);
        match response {
            Ok(response) => Ok(HttpReply::new(form, named(response, &context.request_id))),
            Err(panicked) => Err(panicked.into()),
        }
    }

    async fn answer(&self, event: HttpEvent) -> Response<Bytes> {
        let base_url = match (&self.public_url, event.domain_name()) {
            (Some(url), _) => url.clone(),
            (None, domain) => format!("https://{}", domain.unwrap_or_default()),
        };
        let request = match event.into_request() {
            Ok(request) => request,
            Err(error) => return A::failure(StatusCode::BAD_REQUEST, &error.to_string()),
        };
        match self.api.get_or_try_init(|| (self.open)()).await {
            Ok(api) => api.answer(request, &base_url).await,
            Err(error) => {
                tracing::error!(%error, "the registry can't be opened");
                match error.kind() {
                    StoreErrorKind::Unavailable => {
                        let message = "the registry is busy, try again";
                        busy::<A>(message)
                    }
                    _ => A::failure(
                        StatusCode::INTERNAL_SERVER_ERROR,
                        "the registry failed; its log has the cause",
                    ),
                }
            }
        }
    }
}

impl Line {
    fn of<A: HttpApi>(event: &HttpEvent) -> Self {
        let path = event.path();
        Self {
            method: event.method().to_owned(),
            route: A::kind(&path),
            path,
            gateway_request_id: event.gateway_request_id().map(ToOwned::to_owned),
        }
    }

    fn log(&self, context: &Context, status: StatusCode, ms: f64) {
        tracing::info!(
            method = self.method,
            path = self.path,
            status = status.as_u16(),
            ms,
            request_id = context.request_id,
            gateway_request_id = self.gateway_request_id,
            trace_id = context.xray_trace_id,
            "answered"
        );
    }
}

/// Makes an answer that lets the client try again.
fn busy<A: HttpApi>(message: &str) -> Response<Bytes> {
    let mut response = A::failure(StatusCode::SERVICE_UNAVAILABLE, message);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// Puts the invocation's id on its answer, under the names that people and AWS clients look for.
fn named(mut response: Response<Bytes>, id: &str) -> Response<Bytes> {
    if let Ok(value) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, value.clone());
        response.headers_mut().insert(AMZN_REQUEST_ID, value);
    }
    response
}

impl From<Panicked> for Diagnostic {
    fn from(error: Panicked) -> Self {
        Self { error_type: "Panic".to_owned(), error_message: error.to_string() }
    }
}
