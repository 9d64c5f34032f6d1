//! The wire between the SDK and a service: it notes each request, and can cut off, delay or
//! answer by itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_s3::config::http::{HttpRequest, HttpResponse};
use aws_sdk_s3::config::{RuntimeComponents, SharedHttpClient};
use aws_sdk_s3::error::ConnectorError;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::StreamBody;

/// A request as it was sent.
#[derive(Clone, Debug)]
pub struct Seen {
    pub operation: &'static str,
    pub uri: String,
    pub headers: BTreeMap<String, String>,
    pub length: Option<u64>,
}

/// What goes wrong with a request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The service answers this, and does nothing.
    Answers(u16, &'static str),
    /// The connection is lost before the service hears of it.
    LostBefore,
    /// The service does it, and the answer is lost.
    LostAfter,
    /// The service does it, and never answers.
    Silent,
    /// The answer's body is cut off behind so many bytes.
    CutOff(usize),
}

/// Returns a header of a request.
pub fn header<'a>(seen: &'a Seen, name: &str) -> Option<&'a str> {
    seen.headers.get(name).map(String::as_str)
}

/// S3's answer to more requests than it takes.
pub const SLOW_DOWN: Fault =
    Fault::Answers(503, "<Error><Code>SlowDown</Code><Message>Reduce your rate.</Message></Error>");

#[derive(Clone, Default)]
pub struct Wire(Arc<State>);

#[derive(Default)]
struct State {
    seen: Mutex<Vec<Seen>>,
    faults: Mutex<Vec<(&'static str, Fault)>>,
}

impl Wire {
    /// Lets the next request of `operation`, which has no fault yet, go wrong.
    pub fn fail(&self, operation: &'static str, fault: Fault) {
        self.0.faults.lock().unwrap().push((operation, fault));
    }

    /// Returns the requests of `operation` so far.
    pub fn seen(&self, operation: &str) -> Vec<Seen> {
        let seen = self.0.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.operation == operation).cloned().collect()
    }

    /// Asserts that every fault was met.
    #[track_caller]
    pub fn assert_spent(&self) {
        let faults = self.0.faults.lock().unwrap();
        assert!(faults.is_empty(), "not met: {faults:?}");
    }

    /// Returns the HTTP client that goes through here.
    pub fn client(&self) -> SharedHttpClient {
        let inner = aws_smithy_http_client::Builder::new().build_http();
        SharedHttpClient::new(WiredClient { wire: self.clone(), inner })
    }

    fn note(&self, request: &HttpRequest) -> Option<Fault> {
        let operation = operation(request);
        let header = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let seen = Seen {
            operation,
            uri: request.uri().to_owned(),
            headers: request.headers().iter().map(header).collect(),
            length: request.body().content_length(),
        };
        self.0.seen.lock().unwrap().push(seen);
        let mut faults = self.0.faults.lock().unwrap();
        let position = faults.iter().position(|(of, _)| *of == operation)?;
        Some(faults.remove(position).1)
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

/// Returns the operation: that of the other services by its header, S3's by the form of the
/// request.
fn operation(request: &HttpRequest) -> &'static str {
    if let Some(target) = request.headers().get("x-amz-target") {
        let keys = ["Decrypt", "GenerateDataKey", "DescribeKey"];
        let others = ["GetSecretValue", "CreateSecret", "PutEvents"];
        let table = ["GetItem", "BatchGetItem", "Query", "TransactWriteItems"];
        let mut known = keys.iter().chain(&others).chain(&table);
        let find = |name: &&&str| target.rsplit('.').next() == Some(**name);
        return known.find(find).copied().unwrap_or("other");
    }
    let is_copy = request.headers().get("x-amz-copy-source").is_some();
    let query = request.uri().split_once('?').map_or("", |(_, query)| query);
    match (request.method(), query) {
        ("PUT", query) if query.contains("partNumber=") && is_copy => "UploadPartCopy",
        ("PUT", query) if query.contains("partNumber=") => "UploadPart",
        ("PUT", _) if is_copy => "CopyObject",
        ("PUT", _) if !request.uri().contains("/blobs/blobs/") => "CreateBucket",
        ("PUT", _) => "PutObject",
        ("POST", query) if query.contains("uploadId=") => "CompleteMultipartUpload",
        ("POST", _) => "CreateMultipartUpload",
        ("DELETE", query) if query.contains("uploadId=") => "AbortMultipartUpload",
        ("DELETE", _) => "DeleteObject",
        ("HEAD", _) => "HeadObject",
        ("GET", _) => "GetObject",
        _ => "other",
    }
}

#[derive(Debug)]
struct WiredClient {
    wire: Wire,
    inner: SharedHttpClient,
}

impl HttpClient for WiredClient {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let inner = self.inner.http_connector(settings, components);
        SharedHttpConnector::new(WiredConnector { wire: self.wire.clone(), inner })
    }
}

#[derive(Debug)]
struct WiredConnector {
    wire: Wire,
    inner: SharedHttpConnector,
}

impl HttpConnector for WiredConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let fault = self.wire.note(&request);
        let inner = self.inner.clone();
        HttpConnectorFuture::new(async move {
            match fault {
                None => inner.call(request).await,
                Some(Fault::Answers(status, body)) => {
                    let status = status.try_into().expect("a status");
                    Ok(HttpResponse::new(status, SdkBody::from(body)))
                }
                Some(Fault::LostBefore) => Err(lost()),
                Some(Fault::LostAfter) => {
                    inner.call(request).await?;
                    Err(lost())
                }
                Some(Fault::Silent) => {
                    inner.call(request).await?;
                    tokio::time::sleep(Duration::MAX).await;
                    Err(lost())
                }
                Some(Fault::CutOff(length)) => cut_off(inner.call(request).await?, length).await,
            }
        })
    }
}

fn lost() -> ConnectorError {
    ConnectorError::io("connection reset in a test".into())
}

async fn cut_off(response: HttpResponse, length: usize) -> Result<HttpResponse, ConnectorError> {
    let mut response = response;
    let body = std::mem::replace(response.body_mut(), SdkBody::taken());
    let bytes: Bytes = ByteStream::new(body).collect().await.expect("a body").into_bytes();
    let frames = [
        Ok(http_body::Frame::data(bytes.slice(..length))),
        Err(std::io::Error::other("connection reset in a test")),
    ];
    *response.body_mut() = SdkBody::from_body_1_x(StreamBody::new(stream::iter(frames)));
    Ok(response)
}
