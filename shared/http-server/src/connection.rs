//! One connection: its handshake, its limits, its conversation.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use berth_registry::access::ClientAddress;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use crate::api::Api;
use crate::body::Body;
use crate::encrypt::Encrypt;
use crate::service::{Connection, Service};

/// Bytes of a request that are read at once, and of an answer that wait for the socket.
const READ_BUFFER: usize = 128 * 1024;

/// HTTP/2 windows, so that one stream can fill a fast network.
const STREAM_WINDOW: u32 = 2 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;

/// The most requests at once on one HTTP/2 connection.
const MOST_STREAMS: u32 = 128;

/// A connection that was accepted, and what it needs.
pub(crate) struct Greeting<A, E> {
    pub(crate) service: Arc<Service<A>>,
    pub(crate) encryption: Option<E>,
    pub(crate) scheme: &'static str,
    pub(crate) head_timeout: Duration,
    /// Tells the connection to end when the server stops.
    pub(crate) watcher: Watcher,
    /// Its place among the connections that may be open at once.
    pub(crate) place: OwnedSemaphorePermit,
}

impl<A: Api, E: Encrypt> Greeting<A, E> {
    /// Shakes hands, and serves the connection until it ends.
    pub(crate) async fn greet(self, stream: TcpStream) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "connection lost");
            return;
        }
        let client = stream.peer_addr().ok().map(|address| ClientAddress(address.ip()));
        let Some(encryption) = &self.encryption else {
            return self.greet_plainly(stream, client).await;
        };
        let handshake = tokio::time::timeout(self.head_timeout, encryption.accept(stream)).await;
        let Ok(Ok(stream)) = handshake else { return tracing::debug!("TLS handshake failed") };
        let connection = Connection::copying(self.scheme, client);
        self.converse(stream, connection).await;
    }

    #[cfg(target_os = "linux")]
    async fn greet_plainly(self, stream: TcpStream, client: Option<ClientAddress>) {
        let regions = crate::sendfile::Regions::default();
        let stream = crate::sendfile::SendfileStream::new(stream, regions.clone());
        let connection = Connection::sending_files(self.scheme, client, regions);
        self.converse(stream, connection).await;
    }

    #[cfg(not(target_os = "linux"))]
    async fn greet_plainly(self, stream: TcpStream, client: Option<ClientAddress>) {
        let connection = Connection::copying(self.scheme, client);
        self.converse(stream, connection).await;
    }

    async fn converse<S>(self, stream: S, connection: Connection)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = self.service;
        let has_asked = Arc::new(AtomicBool::new(false));
        let asks = Arc::clone(&has_asked);
        let answer = service_fn(move |request: Request<Incoming>| {
            asks.store(true, Ordering::Relaxed);
            let (service, connection) = (Arc::clone(&service), connection.clone());
            async move {
                let response = service.call(request, &connection).await;
                Ok::<Response<Body>, Infallible>(response)
            }
        });
        let builder = builder(self.head_timeout);
        let conversation = builder.serve_connection(TokioIo::new(stream), answer).into_owned();
        tokio::select! {
            ended = self.watcher.watch(conversation) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection ended early");
                }
            }
            () = silence(self.head_timeout, &has_asked) => tracing::debug!("nothing was asked"),
        }
        drop(self.place);
    }
}

/// Ends when a connection's time for its first request is over, if none came. hyper's own limit
/// runs from the first byte, and a client may send none.
async fn silence(limit: Duration, has_asked: &AtomicBool) {
    tokio::time::sleep(limit).await;
    if has_asked.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}

/// Sets the limits of a connection. `writev` matters: files are sent in place of marked slices,
/// which must reach the socket as they are.
fn builder(head_timeout: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .writev(true)
        .max_buf_size(READ_BUFFER)
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(MOST_STREAMS)
        .keep_alive_interval(Some(head_timeout));
    builder
}
