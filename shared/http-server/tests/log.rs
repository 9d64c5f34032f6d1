//! What the log says of a request.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use berth_http_server::{Api, BaseUrl, Limits, Listeners, Service, Stop, Unencrypted, plain_text};
use berth_oci_api::{RequestBody, ResponseBody};
use berth_registry::ports::{Consistency, Item, Key, Page, Query, ReadTable, StoreError};
use hyper::{Method, Request, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tracing::level_filters::LevelFilter;

/// Refuses everything.
struct Closed;

impl Api for Closed {
    fn kind(&self, _: &Method, _: &str) -> &'static str {
        "upload"
    }

    async fn answer(&self, _: Request<RequestBody>, _: &str) -> Response<ResponseBody> {
        plain_text(StatusCode::UNAUTHORIZED, "")
    }
}

/// A table that is never asked.
#[derive(Debug)]
struct NoTable;

#[async_trait]
impl ReadTable for NoTable {
    async fn get(&self, _: &Key, _: Consistency) -> Result<Option<Item>, StoreError> {
        unimplemented!("nobody asks for the server's health")
    }

    async fn batch_get(&self, _: &[Key], _: Consistency) -> Result<Vec<Option<Item>>, StoreError> {
        unimplemented!("nobody asks for the server's health")
    }

    async fn query(&self, _: &Query) -> Result<Page, StoreError> {
        unimplemented!("nobody asks for the server's health")
    }
}

/// Lines of the log, kept.
#[derive(Clone, Debug, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_path_is_logged_and_never_the_query() {
    let lines = Lines::default();
    let writer = lines.clone();
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .init();
    let listeners = Listeners::bind("127.0.0.1:0", None::<Unencrypted>).await.unwrap();
    let address = listeners.url().replace("http://", "");
    let service = Service::new(Closed, Arc::new(NoTable), BaseUrl::OfRequest(String::new()));
    let stop = Stop::on_signals().unwrap();
    let serving = tokio::spawn(listeners.serve(service, Limits::default(), stop));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "PATCH /v2/team/app/blobs/uploads/1?_token=in-the-url HTTP/1.1\r\nHost: a\r\n\
                   Authorization: Bearer in-the-header\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    serving.abort();

    let bytes = lines.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains("/v2/team/app/blobs/uploads/1"), "{text}");
    for secret in ["_token", "in-the-url", "in-the-header"] {
        assert!(!text.contains(secret), "the log holds `{secret}`: {text}");
    }
}
