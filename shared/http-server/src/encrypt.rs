use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// What encrypts a server's connections, by the TLS stack that the process has.
pub trait Encrypt: Clone + Send + Sync + 'static {
    /// A connection after its handshake.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Shakes hands with a client, as the server.
    fn accept(&self, stream: TcpStream) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// No encryption: names the type for a server whose connections are plain, for example because a
/// load balancer ends TLS. No value of it exists.
#[derive(Clone, Copy, Debug)]
pub enum Unencrypted {}

impl Encrypt for Unencrypted {
    type Stream = TcpStream;

    async fn accept(&self, _: TcpStream) -> io::Result<TcpStream> {
        match *self {}
    }
}
