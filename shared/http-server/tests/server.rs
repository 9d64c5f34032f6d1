//! The server around an API of its own: its paths, its limits, what it does when the API panics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use berth_http_server::{
    Api, BaseUrl, Limits, ListenError, Listeners, Service, Stop, TrustedProxies, Unencrypted,
    plain_text,
};
use berth_oci_api::{RequestBody, ResponseBody};
use berth_registry::access::{ClientAddress, Transport};
use berth_registry::ports::{
    Consistency, Item, Key, Page, Query, ReadTable, StoreError, StoreErrorKind,
};
use http_body_util::BodyExt;
use hyper::{Method, Request, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// Answers with the base URL, what the server knows of the client, and the length of the body, or panics when the path says so.
struct Echo;

impl Api for Echo {
    fn kind(&self, _: &Method, _: &str) -> &'static str {
        "echo"
    }

    async fn answer(
        &self,
        request: Request<RequestBody>,
        base_url: &str,
    ) -> Response<ResponseBody> {
        assert_ne!(request.uri().path(), "/panic");
        let ClientAddress(client) = *request.extensions().get().unwrap();
        let transport: Option<Transport> = request.extensions().get().copied();
        let length = request.into_body().collect().await.unwrap().to_bytes().len();
        let text = format!("{base_url} {client} {transport:?} {length}");
        plain_text(StatusCode::OK, text)
    }
}

/// An empty table, which may be broken.
#[derive(Debug, Default)]
struct Table {
    is_broken: AtomicBool,
}

#[async_trait]
impl ReadTable for Table {
    async fn get(&self, _: &Key, _: Consistency) -> Result<Option<Item>, StoreError> {
        match self.is_broken.load(Ordering::SeqCst) {
            true => Err(StoreError::new(StoreErrorKind::Unavailable, "broken by a test")),
            false => Ok(None),
        }
    }

    async fn batch_get(&self, _: &[Key], _: Consistency) -> Result<Vec<Option<Item>>, StoreError> {
        unimplemented!("the server looks at one item")
    }

    async fn query(&self, _: &Query) -> Result<Page, StoreError> {
        unimplemented!("the server looks at one item")
    }
}

struct Server {
    address: String,
    table: Arc<Table>,
    serving: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Server {
    async fn start(base_url: BaseUrl, limits: Limits) -> Self {
        Self::start_with(base_url, limits, TrustedProxies::default()).await
    }

    async fn start_behind(proxies: &str, base_url: BaseUrl) -> Self {
        Self::start_with(base_url, Limits::default(), proxies.parse().unwrap()).await
    }

    async fn start_with(base_url: BaseUrl, limits: Limits, proxies: TrustedProxies) -> Self {
        let listeners = Listeners::bind("127.0.0.1:0", None::<Unencrypted>).await.unwrap();
        let address = listeners.url().replace("http://", "");
        let table = Arc::new(Table::default());
        let service = Service::new(Echo, table.clone(), base_url).trusting(proxies);
        let serving = tokio::spawn(listeners.serve(service, limits, Stop::on_signals().unwrap()));
        Self { address, table, serving }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(&self.address).await.unwrap()
    }

    /// Sends a request on a connection of its own, and returns the answer as text.
    async fn ask(&self, head: &str, body: &str) -> String {
        let mut stream = self.connect().await;
        let length = body.len();
        let request = format!("{head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.write_all(body.as_bytes()).await.unwrap();
        read(&mut stream).await
    }
}

async fn read(stream: &mut TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn of_request() -> BaseUrl {
    BaseUrl::OfRequest("http://unnamed".to_owned())
}

#[track_caller]
fn check(answer: &str, status: u16, end: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(answer.ends_with(end), "{answer}");
    assert!(answer.contains("\r\nx-request-id: "), "{answer}");
}

#[tokio::test]
async fn health_is_the_tables() {
    let server = Server::start(of_request(), Limits::default()).await;
    check(&server.ask("GET /healthz HTTP/1.1\r\nHost: a", "").await, 200, "ok\n");
    server.table.is_broken.store(true, Ordering::SeqCst);
    let answer = server.ask("GET /healthz HTTP/1.1\r\nHost: a", "").await;
    check(&answer, 503, "the store does not answer\n");
}

#[tokio::test]
async fn clients_see_the_host_that_they_asked_for() {
    let server = Server::start(of_request(), Limits::default()).await;
    let asked = server.ask("PUT / HTTP/1.1\r\nHost: r.example:5001", "four").await;
    check(&asked, 200, "http://r.example:5001 127.0.0.1 None 4");
    let bad = server.ask("GET / HTTP/1.1\r\nHost: r.example/path", "").await;
    check(&bad, 200, "http://unnamed 127.0.0.1 None 0");
}

#[tokio::test]
async fn a_fixed_url_stays() {
    let fixed = BaseUrl::Fixed("https://r.example".to_owned());
    let server = Server::start(fixed, Limits::default()).await;
    let answer = server.ask("GET / HTTP/1.1\r\nHost: other.example", "").await;
    check(&answer, 200, "https://r.example 127.0.0.1 None 0");
}

#[tokio::test]
async fn a_panic_is_one_requests() {
    let server = Server::start(of_request(), Limits::default()).await;
    for method in ["GET", "PUT"] {
        let answer = server.ask(&format!("{method} /panic HTTP/1.1\r\nHost: a"), "").await;
        check(&answer, 500, "\r\n\r\n");
    }
    check(&server.ask("GET / HTTP/1.1\r\nHost: a", "").await, 200, "http://a 127.0.0.1 None 0");
}

#[tokio::test]
async fn requests_are_counted_by_the_apis_kinds() {
    let server = Server::start(of_request(), Limits::default()).await;
    server.ask("PUT / HTTP/1.1\r\nHost: a", "four").await;
    let metrics = server.ask("GET /metrics HTTP/1.1\r\nHost: a", "").await;
    let counted = r#"berth_requests_total{method="PUT",route="echo",status="200"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
    assert!(metrics.contains("berth_received_bytes_total 4"), "{metrics}");
}

#[tokio::test]
async fn connections_without_a_request_end() {
    let limits = Limits { head: Duration::from_millis(50), ..Limits::default() };
    let server = Server::start(of_request(), limits).await;
    assert_eq!(read(&mut server.connect().await).await, "");
}

#[tokio::test]
async fn more_connections_wait_for_a_place() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let server = Server::start(of_request(), limits).await;
    let mut first = server.connect().await;
    first.write_all(b"GET / HTTP/1.1\r\nHost: first\r\n\r\n").await.unwrap();
    first.read_u8().await.unwrap();
    let second = server.ask("GET / HTTP/1.1\r\nHost: second", "");
    let mut second = std::pin::pin!(second);
    let early = tokio::time::timeout(Duration::from_millis(200), second.as_mut()).await;
    assert!(early.is_err(), "{early:?}");
    drop(first);
    check(&second.await, 200, "http://second 127.0.0.1 None 0");
}

#[tokio::test]
async fn addresses_are_checked() {
    let taken = Server::start(of_request(), Limits::default()).await;
    let in_use = Listeners::bind(&taken.address, None::<Unencrypted>).await;
    assert!(matches!(in_use, Err(ListenError::InUse(_))), "{in_use:?}");
    let bare = Listeners::bind("localhost", None::<Unencrypted>).await;
    assert!(matches!(bare, Err(ListenError::Form(_))), "{bare:?}");
}

#[tokio::test]
async fn a_trusted_proxy_says_what_the_client_asked_for() {
    let head = "GET / HTTP/1.1\r\nHost: inside:8080\r\nForwarded: for=192.0.2.1;proto=https;host=r.example";
    let trusting = Server::start_behind("127.0.0.0/8", of_request()).await;
    check(&trusting.ask(head, "").await, 200, "https://r.example 192.0.2.1 Some(Tls) 0");
    let plain = trusting.ask("GET / HTTP/1.1\r\nHost: a", "").await;
    check(&plain, 200, "http://a 127.0.0.1 Some(Plain) 0");
    let fixed = BaseUrl::Fixed("https://public.example".to_owned());
    let fixed = Server::start_behind("127.0.0.1", fixed).await;
    check(&fixed.ask(head, "").await, 200, "https://public.example 192.0.2.1 Some(Tls) 0");
    let other = Server::start_behind("192.0.2.0/24", of_request()).await;
    check(&other.ask(head, "").await, 200, "http://inside:8080 127.0.0.1 Some(Plain) 0");
    let none = Server::start(of_request(), Limits::default()).await;
    check(&none.ask(head, "").await, 200, "http://inside:8080 127.0.0.1 None 0");
}

#[tokio::test]
async fn a_trusted_proxys_nonsense_is_refused() {
    let server = Server::start_behind("127.0.0.1", of_request()).await;
    let answer = server.ask("PUT / HTTP/1.1\r\nHost: a\r\nForwarded: for=\"", "four").await;
    check(&answer, 400, "the header `Forwarded` is not valid\n");
}

#[tokio::test]
async fn a_request_has_one_host() {
    let server = Server::start(of_request(), Limits::default()).await;
    let answer = server.ask("PUT / HTTP/1.1\r\nHost: a\r\nHost: a", "four").await;
    check(&answer, 400, "two `Host` headers\n");
}
