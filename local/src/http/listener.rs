//! Listening sockets, connections, and the ordered end of both.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, lookup_host};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::connection::Greeting;
use super::service::Service;
use super::tls;
use crate::serve::TlsFiles;

/// The most connections at once; more wait to be accepted.
const MOST_CONNECTIONS: usize = 4096;

/// How long requests may go on after the server was told to stop.
const GRACE: Duration = Duration::from_secs(30);

/// Pause after an accept that failed, for example for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The sockets that the server listens on.
pub(crate) struct Listeners {
    host: String,
    sockets: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    tls: Option<TlsAcceptor>,
}

impl Listeners {
    /// Listens on every address that `listen`, a HOST:PORT, stands for.
    pub(crate) async fn bind(listen: &str, tls: Option<&TlsFiles>) -> anyhow::Result<Self> {
        let tls = tls.map(tls::acceptor).transpose()?;
        let (host, _) = listen.rsplit_once(':').context("--listen is HOST:PORT")?;
        let mut sockets = Vec::new();
        let mut addresses: Vec<SocketAddr> = Vec::new();
        let mut failure = None;
        for mut address in lookup_host(listen).await.context("--listen")? {
            if let Some(first) = addresses.first().filter(|_| address.port() == 0) {
                address.set_port(first.port());
            }
            match TcpListener::bind(address).await {
                Ok(socket) => {
                    addresses.push(socket.local_addr()?);
                    sockets.push(socket);
                }
                // One of the two loopback addresses may not exist; a port in use is told.
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                    anyhow::bail!("{address} is in use; choose another address with --listen");
                }
                Err(error) => failure = Some((address, error)),
            }
        }
        match (sockets.is_empty(), failure) {
            (true, Some((address, error))) => Err(error).context(format!("listen on {address}")),
            (true, None) => anyhow::bail!("{listen} stands for no address"),
            (false, _) => Ok(Self { host: host.to_owned(), sockets, addresses, tls }),
        }
    }

    /// Whether all addresses are of this machine alone.
    pub(crate) fn are_loopback(&self) -> bool {
        self.addresses.iter().map(SocketAddr::ip).all(|ip| match ip {
            IpAddr::V4(ip) => ip.is_loopback(),
            IpAddr::V6(ip) => ip.is_loopback(),
        })
    }

    /// Returns the URL of the server.
    pub(crate) fn url(&self) -> String {
        let port = self.addresses.first().map_or(0, SocketAddr::port);
        let host = match self.host.as_str() {
            "0.0.0.0" | "[::]" => "localhost",
            host => host,
        };
        format!("{}://{host}:{port}", self.scheme())
    }

    fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Serves until the process is told to stop; then stops accepting, and lets requests end.
    pub(crate) async fn serve(self, service: Service) -> anyhow::Result<()> {
        let scheme = self.scheme();
        let (stop, stopped) = watch::channel(false);
        let graceful = Arc::new(GracefulShutdown::new());
        let acceptor = Acceptor {
            service: Arc::new(service),
            tls: self.tls,
            scheme,
            graceful: Arc::clone(&graceful),
            places: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
        };
        let mut accepting = JoinSet::new();
        for socket in self.sockets {
            accepting.spawn(acceptor.clone().accept(socket, stopped.clone()));
        }
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: no new connections, open requests may end");
        stop.send_replace(true);
        accepting.join_all().await;
        drop(acceptor);
        let Some(graceful) = Arc::into_inner(graceful) else { return Ok(()) };
        if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests did not end in {} s, and are cut off", GRACE.as_secs());
        }
        Ok(())
    }
}

#[derive(Clone)]
struct Acceptor {
    service: Arc<Service>,
    tls: Option<TlsAcceptor>,
    scheme: &'static str,
    graceful: Arc<GracefulShutdown>,
    places: Arc<Semaphore>,
}

impl Acceptor {
    async fn accept(self, socket: TcpListener, mut stopped: watch::Receiver<bool>) {
        loop {
            let next = async {
                let place = Arc::clone(&self.places).acquire_owned().await;
                let place = place.map_err(std::io::Error::other)?;
                socket.accept().await.map(|(stream, _)| (stream, place))
            };
            let next = tokio::select! {
                next = next => next,
                _ = stopped.changed() => return,
            };
            match next {
                Ok((stream, place)) => {
                    let greeting = Greeting {
                        service: Arc::clone(&self.service),
                        tls: self.tls.clone(),
                        scheme: self.scheme,
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
