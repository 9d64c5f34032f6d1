//! Requests and responses of HTTP/1.1, as far as a benchmark needs them.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::content::{Blob, Pattern};

/// What a client accepts as a manifest; the benchmark pushes no other kind.
const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, */*";

/// The media type of blobs.
const BINARY: &str = "application/octet-stream";

/// How long a server may be silent.
const SILENCE: Duration = Duration::from_mins(2);

/// What a request carries.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// Nothing.
    Empty,
    /// Bytes of a media type.
    Bytes(&'a str, &'a [u8]),
    /// A blob of stated length.
    Blob(&'a Pattern, &'a Blob),
    /// A blob streamed in chunks.
    Chunked(&'a Pattern, &'a Blob),
}

/// A request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// The body.
    pub body: Body<'a>,
}

impl<'a> Request<'a> {
    /// Makes a `GET`.
    #[must_use]
    pub fn get(target: &'a str) -> Self {
        Self { method: "GET", target, body: Body::Empty }
    }

    /// Returns the head of the request, with its empty line.
    #[must_use]
    pub fn head(&self, caller: &Caller) -> String {
        let Self { method, target, body } = self;
        let mut head = format!("{method} {target} HTTP/1.1\r\n{}", caller.headers);
        let (kind, length) = match body {
            Body::Empty if ["GET", "HEAD"].contains(method) => (None, None),
            Body::Empty => (None, Some(0)),
            Body::Bytes(kind, bytes) => (Some(*kind), Some(bytes.len() as u64)),
            Body::Blob(_, blob) => (Some(BINARY), Some(blob.size())),
            Body::Chunked(..) => (Some(BINARY), None),
        };
        if let Some(kind) = kind {
            head.push_str("Content-Type: ");
            head.push_str(kind);
            head.push_str("\r\n");
        }
        if let Some(length) = length {
            // Writing to a string cannot fail.
            let _ = write!(head, "Content-Length: {length}\r\n");
        }
        if matches!(body, Body::Chunked(..)) {
            head.push_str("Transfer-Encoding: chunked\r\n");
        }
        head.push_str("\r\n");
        head
    }
}

/// Where requests go, and as whom.
#[derive(Clone, Debug)]
pub struct Caller {
    address: SocketAddr,
    headers: String,
}

impl Caller {
    /// Makes requests to the address, with this header `Authorization`, if any.
    #[must_use]
    pub fn new(address: SocketAddr, authorization: Option<&str>) -> Self {
        let mut headers = format!("Host: {address}\r\nAccept: {ACCEPT}\r\n");
        if let Some(authorization) = authorization {
            headers.push_str("Authorization: ");
            headers.push_str(authorization);
            headers.push_str("\r\n");
        }
        Self { address, headers }
    }

    /// Sends a header with every request.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        // Writing to a string cannot fail.
        let _ = write!(self.headers, "{name}: {value}\r\n");
        self
    }

    /// Opens a connection that sends small requests at once.
    ///
    /// # Errors
    ///
    /// Fails when nothing listens.
    pub fn connect(&self) -> Result<TcpStream> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE))?;
        stream.set_write_timeout(Some(SILENCE))?;
        Ok(stream)
    }
}

/// The head of a response.
#[derive(Clone, Debug)]
pub struct Response {
    head: String,
    status: u16,
}

impl Response {
    /// Parses the head of a response, without its empty line.
    ///
    /// # Errors
    ///
    /// Fails when it is not HTTP/1.1.
    pub fn parse(head: &[u8]) -> Result<Self> {
        let head = String::from_utf8_lossy(head).into_owned();
        let status = head.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        let status = status.and_then(|status| status.parse().ok());
        let status = status.with_context(|| format!("not a response: {head:?}"))?;
        Ok(Self { head, status })
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.split("\r\n").skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Tells whether the body comes in chunks.
    #[must_use]
    pub fn is_chunked(&self) -> bool {
        self.header("Transfer-Encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
    }

    /// Returns the length of the body, where it is stated.
    ///
    /// # Errors
    ///
    /// Fails when the length is no number.
    pub fn length(&self) -> Result<Option<u64>> {
        if self.status == 204 || self.status == 304 {
            return Ok(Some(0));
        }
        self.header("Content-Length").map(|value| Ok(value.parse()?)).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_heads() {
        let caller = Caller::new(SocketAddr::from(([127, 0, 0, 1], 80)), Some("Basic eA=="));
        let post = Request { method: "POST", target: "/v2/", body: Body::Bytes("a/b", b"xyz") };
        assert_eq!(
            post.head(&caller),
            format!(
                "POST /v2/ HTTP/1.1\r\nHost: 127.0.0.1:80\r\nAccept: {ACCEPT}\r\n\
                 Authorization: Basic eA==\r\nContent-Type: a/b\r\nContent-Length: 3\r\n\r\n"
            )
        );
    }

    #[test]
    fn parses_heads() {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\nLink: </a>; rel=\"next\"";
        let response = Response::parse(head).unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.length().unwrap(), Some(12));
        assert_eq!(response.header("link"), Some("</a>; rel=\"next\""));
        assert!(!response.is_chunked());
        assert!(Response::parse(b"SSH-2.0").is_err());
    }
}
