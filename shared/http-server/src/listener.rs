//! Listening sockets, connections, and the ordered end of both.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, lookup_host};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::api::Api;
use crate::connection::Greeting;
use crate::encrypt::Encrypt;
use crate::service::Service;
use crate::stop::Stop;

/// Pause after an accept that failed, for example for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What clients may take up of a server.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most connections at once; more wait to be accepted.
    pub connections: usize,
    /// How long a client may take to send a request's head or to shake hands, and how long a
    /// connection may be without a request. Behind a proxy that keeps connections, it must be
    /// longer than the proxy keeps them, or a request meets the connection's end.
    pub head: Duration,
    /// How long requests may go on after the server was told to stop.
    pub grace: Duration,
}

impl Default for Limits {
    /// Returns the limits of a server that has a machine to itself.
    fn default() -> Self {
        Self { connections: 4096, head: Duration::from_secs(30), grace: Duration::from_secs(30) }
    }
}

/// Error of listening.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address has no port.
    #[error("`{0}` is no address to listen on: it must be HOST:PORT")]
    Form(String),
    /// The host's addresses were not found.
    #[error("look up `{0}`")]
    Lookup(String, #[source] io::Error),
    /// Another process listens there.
    #[error("{0} is in use; choose another address to listen on")]
    InUse(SocketAddr),
    /// The system refuses the address.
    #[error("listen on {0}")]
    Bind(SocketAddr, #[source] io::Error),
    /// The host has no address.
    #[error("{0} stands for no address")]
    NoAddress(String),
}

/// The sockets that the server listens on.
#[derive(Debug)]
pub struct Listeners<E> {
    host: String,
    sockets: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    encryption: Option<E>,
}

impl<E: Encrypt> Listeners<E> {
    /// Listens on every address that `listen`, a HOST:PORT, stands for. Connections are encrypted
    /// by `encryption`, if there is one.
    pub async fn bind(listen: &str, encryption: Option<E>) -> Result<Self, ListenError> {
        let form = || ListenError::Form(listen.to_owned());
        let (host, _) = listen.rsplit_once(':').ok_or_else(form)?;
        let mut sockets = Vec::new();
        let mut addresses: Vec<SocketAddr> = Vec::new();
        let mut failure = None;
        let lookup = |error| ListenError::Lookup(listen.to_owned(), error);
        for mut address in lookup_host(listen).await.map_err(lookup)? {
            if let Some(first) = addresses.first().filter(|_| address.port() == 0) {
                address.set_port(first.port());
            }
            match TcpListener::bind(address).await {
                Ok(socket) => {
                    let bound = socket.local_addr();
                    addresses.push(bound.map_err(|error| ListenError::Bind(address, error))?);
                    sockets.push(socket);
                }
                // One of the two loopback addresses may not exist; a port in use is told.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    return Err(ListenError::InUse(address));
                }
                Err(error) => failure = Some(ListenError::Bind(address, error)),
            }
        }
        match (sockets.is_empty(), failure) {
            (true, Some(failure)) => Err(failure),
            (true, None) => Err(ListenError::NoAddress(listen.to_owned())),
            (false, _) => Ok(Self { host: host.to_owned(), sockets, addresses, encryption }),
        }
    }

    /// Whether all addresses are of this machine alone.
    #[must_use]
    pub fn are_loopback(&self) -> bool {
        self.addresses.iter().map(SocketAddr::ip).all(|ip| match ip {
            IpAddr::V4(ip) => ip.is_loopback(),
            IpAddr::V6(ip) => ip.is_loopback(),
        })
    }

    /// Returns the URL of the server.
    #[must_use]
    pub fn url(&self) -> String {
        let port = self.addresses.first().map_or(0, SocketAddr::port);
        let host = match self.host.as_str() {
            "0.0.0.0" | "[::]" => "localhost",
            host => host,
        };
        format!("{}://{host}:{port}", self.scheme())
    }

    fn scheme(&self) -> &'static str {
        if self.encryption.is_some() { "https" } else { "http" }
    }

    /// Serves until the process is told to stop; then stops accepting, and lets requests end.
    pub async fn serve<A: Api>(self, service: Service<A>, limits: Limits, stop: Stop) {
        let scheme = self.scheme();
        let graceful = Arc::new(GracefulShutdown::new());
        let acceptor = Arc::new(Acceptor {
            service: Arc::new(service),
            encryption: self.encryption,
            scheme,
            head_timeout: limits.head,
            graceful: Arc::clone(&graceful),
            places: Arc::new(Semaphore::new(limits.connections)),
        });
        let mut accepting = JoinSet::new();
        for socket in self.sockets {
            accepting.spawn(Arc::clone(&acceptor).accept(socket, stop.clone()));
        }
        accepting.join_all().await;
        drop(acceptor);
        let Some(graceful) = Arc::into_inner(graceful) else { return };
        let seconds = limits.grace.as_secs();
        if tokio::time::timeout(limits.grace, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests did not end in {seconds} s, and are cut off");
        }
    }
}

struct Acceptor<A, E> {
    service: Arc<Service<A>>,
    encryption: Option<E>,
    scheme: &'static str,
    head_timeout: Duration,
    graceful: Arc<GracefulShutdown>,
    places: Arc<Semaphore>,
}

impl<A: Api, E: Encrypt> Acceptor<A, E> {
    async fn accept(self: Arc<Self>, socket: TcpListener, stop: Stop) {
        loop {
            let next = async {
                let place = Arc::clone(&self.places).acquire_owned().await;
                let place = place.map_err(io::Error::other)?;
                socket.accept().await.map(|(stream, _)| (stream, place))
            };
            let next = tokio::select! {
                next = next => next,
                () = stop.told() => return,
            };
            match next {
                Ok((stream, place)) => {
                    let greeting = Greeting {
                        service: Arc::clone(&self.service),
                        encryption: self.encryption.clone(),
                        scheme: self.scheme,
                        head_timeout: self.head_timeout,
                        watcher: self.graceful.watcher(),
                        place,
                    };
                    tokio::spawn(greeting.greet(stream));
                }
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}
