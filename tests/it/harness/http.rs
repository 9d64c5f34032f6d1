//! Requests, and answers that are checked as they come.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use base64::Engine as _;
use berth_oci_api::{RequestBody, ResponseBody};
use berth_registry::access::ClientAddress;
use berth_registry::ports::BodyError;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::request::Builder;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt as _, Full, StreamBody};
use serde_json::Value;
use tokio::sync::mpsc;

use super::TestRegistry;

/// What clients of the tests believe the registry's address to be.
const BASE_URL: &str = "https://registry.test:5001";

/// A request on its way.
#[must_use = "a request does nothing until it is sent"]
#[derive(Debug)]
pub struct Call<'a> {
    registry: &'a TestRegistry,
    method: Method,
    builder: Builder,
    body: RequestBody,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// The sending end of a body that a test sends piece by piece.
#[derive(Debug)]
pub struct Sender(mpsc::Sender<Result<Bytes, BodyError>>);

impl TestRegistry {
    /// Begins a request.
    pub fn request(&self, method: &str, path: impl AsRef<str>) -> Call<'_> {
        let method: Method = method.parse().unwrap();
        let builder = Request::builder().method(&method).uri(path.as_ref());
        Call { registry: self, method, builder, body: full(Bytes::new()) }
    }

    /// Sends GET, and expects `status`.
    pub async fn get(&self, path: impl AsRef<str>, status: u16) -> Answer {
        self.request("GET", path).expect(status).await
    }

    /// Sends HEAD, and expects `status`.
    pub async fn head(&self, path: impl AsRef<str>, status: u16) -> Answer {
        self.request("HEAD", path).expect(status).await
    }

    /// Sends DELETE, and expects `status`.
    pub async fn remove(&self, path: impl AsRef<str>, status: u16) -> Answer {
        self.request("DELETE", path).expect(status).await
    }
}

impl Call<'_> {
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.builder = self.builder.header(name, value.as_ref());
        self
    }

    /// Comes from this address.
    pub fn at_address(mut self, address: &str) -> Self {
        self.builder = self.builder.extension(ClientAddress(address.parse().unwrap()));
        self
    }

    pub fn basic(self, user: &str, password: &str) -> Self {
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        self.header("authorization", format!("Basic {pair}"))
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Sends a body whose length is announced.
    pub fn bytes(mut self, body: impl Into<Bytes>) -> Self {
        let body = body.into();
        self.builder = self.builder.header("content-length", body.len());
        self.body = full(body);
        self
    }

    /// Sends a body in pieces, whose length is not announced.
    pub fn pieces(
        mut self,
        pieces: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static,
    ) -> Self {
        let frames = pieces.map(|piece| piece.map(http_body::Frame::data));
        self.body = StreamBody::new(frames).boxed_unsync();
        self
    }

    /// Sends a body that the test sends meanwhile.
    pub fn channel(self) -> (Self, Sender) {
        let (sender, receiver) = mpsc::channel(1);
        let pieces = stream::unfold(receiver, async |mut receiver| {
            let piece = receiver.recv().await?;
            Some((piece, receiver))
        });
        (self.pieces(pieces), Sender(sender))
    }

    /// Sends it, and expects `status`.
    pub async fn expect(self, status: u16) -> Answer {
        let what = format!("{} {:?}", self.method, self.builder.uri_ref());
        let answer = self.send().await;
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        answer
    }

    /// Sends it.
    pub async fn send(self) -> Answer {
        let request = self.builder.body(self.body).unwrap();
        let response = self.registry.api.handle(request, BASE_URL).await;
        let answer = Answer::read(response);
        answer.check(&self.method);
        answer
    }
}

fn full(bytes: Bytes) -> RequestBody {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

impl Sender {
    /// Waits until the registry took the last piece and sends another.
    pub async fn send(&self, piece: impl Into<Bytes>) {
        let taken = self.0.send(Ok(piece.into())).await;
        taken.expect("the registry reads its body");
    }
}

impl Answer {
    fn read(response: Response<ResponseBody>) -> Self {
        let (parts, body) = response.into_parts();
        let body = match body {
            ResponseBody::Bytes(bytes) => bytes,
            ResponseBody::File(region) => {
                let mut bytes = vec![0; usize::try_from(region.length).unwrap()];
                let file: &File = &region.file;
                file.read_exact_at(&mut bytes, region.offset).unwrap();
                bytes.into()
            }
        };
        Self { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Checks what holds of every answer.
    fn check(&self, method: &Method) {
        assert_eq!(self.header("docker-distribution-api-version"), "registry/2.0");
        if method == Method::HEAD {
            assert!(self.body.is_empty(), "an answer to HEAD has a body: {self:?}");
            return;
        }
        assert_eq!(self.header("content-length"), self.body.len().to_string(), "{self:?}");
        if self.status < 400 || self.body.is_empty() {
            return;
        }
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        let body = self.json();
        let errors = body["errors"].as_array().expect("a list of errors");
        assert!(!errors.is_empty());
        for error in errors {
            let code = error["code"].as_str().expect("a code");
            assert!(CODES.contains(&code), "`{code}` is no code of the specification");
            assert!(!error["message"].as_str().expect("a message").is_empty());
        }
    }

    /// Returns a header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Returns the code of the first error.
    pub fn code(&self) -> String {
        self.json()["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Expects an error's code.
    #[track_caller]
    pub fn has_code(&self, code: &str) {
        assert_eq!(self.code(), code, "{self:?}");
    }

    /// Returns the digests that the errors are about.
    pub fn error_digests(&self) -> Vec<String> {
        let body = self.json();
        let errors = body["errors"].as_array().unwrap().iter();
        errors.map(|error| error["detail"]["digest"].as_str().unwrap().to_owned()).collect()
    }

    /// Returns the path and query of the next page, if there is one.
    pub fn next(&self) -> Option<String> {
        let link = self.headers.get("link")?.to_str().unwrap();
        let target = link.strip_prefix('<').and_then(|rest| rest.strip_suffix(">; rel=\"next\""));
        Some(target.unwrap_or_else(|| panic!("odd link `{link}`")).to_owned())
    }
}

/// The [error codes](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes)
/// of the specification.
const CODES: [&str; 16] = [
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "TAG_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
    // Docker's, for failures of the server.
    "UNKNOWN",
];
