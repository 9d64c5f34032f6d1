//! Sending files from the page cache to the socket, without a copy through this process.
//!
//! hyper writes what a body yields; it can't be told to send a file. So the body of a file yields
//! slices of one static *placeholder*, and puts the file's region into the connection's queue; the
//! stream under hyper recognizes the placeholder by its address and sends the region instead, byte
//! for byte. The placeholder's own bytes are never written. HTTP/1 alone works so: it writes a
//! body of known length as it is, in order, and (with `writev`) without copying.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice};
use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use berth_registry::ports::FileRegion;
use bytes::Bytes;
use rustix::fs::{Advice, fadvise, sendfile};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// Longest region that stands behind one placeholder, in bytes.
const LONGEST: usize = 1024 * 1024;

/// How far ahead the kernel is asked to read.
const AHEAD: u64 = 8 * 1024 * 1024;

/// Stands for a file's bytes; never read, so it takes no memory.
static PLACEHOLDER: [u8; LONGEST] = [0; LONGEST];

/// Regions that a connection's bodies want sent, in the order of their placeholders.
#[derive(Clone, Debug, Default)]
pub(crate) struct Regions(Arc<Mutex<VecDeque<FileRegion>>>);

impl Regions {
    /// Takes up to 1 MiB off the front of `rest`, queues it, and returns the placeholder that
    /// stands for it.
    pub(crate) fn enqueue(&self, rest: &mut FileRegion) -> Bytes {
        let length = rest.length.min(LONGEST as u64);
        let region = FileRegion { length, ..rest.clone() };
        rest.offset += length;
        rest.length -= length;
        prefetch(&region.file, region.offset + AHEAD, length);
        self.queue().push_back(region);
        Bytes::from_static(&PLACEHOLDER[..usize::try_from(length).unwrap_or(LONGEST)])
    }

    /// Asks the kernel to read what the first regions of `whole` need.
    pub(crate) fn begin(whole: &FileRegion) {
        prefetch(&whole.file, whole.offset, whole.length.min(AHEAD));
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<FileRegion>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks the kernel to read part of a file into the page cache meanwhile. Only a hint: without it
/// the same bytes are read, later.
fn prefetch(file: &File, offset: u64, length: u64) {
    if let Some(length) = NonZeroU64::new(length) {
        _ = fadvise(file, offset, Some(length), Advice::WillNeed);
    }
}

/// A TCP stream that sends queued regions where it is given placeholders.
#[derive(Debug)]
pub(crate) struct SendfileStream {
    stream: TcpStream,
    regions: Regions,
}

impl SendfileStream {
    pub(crate) fn new(stream: TcpStream, regions: Regions) -> Self {
        Self { stream, regions }
    }

    /// Sends at most `most` bytes of the first region.
    fn poll_send(&self, context: &mut Context<'_>, most: usize) -> Poll<io::Result<usize>> {
        let mut queue = self.regions.queue();
        let lost = || io::Error::other("placeholder without a region");
        let region = queue.front_mut().ok_or_else(lost)?;
        let count = usize::try_from(region.length).unwrap_or(LONGEST).min(most);
        loop {
            ready!(self.stream.poll_write_ready(context))?;
            let attempt = || {
                let mut offset = region.offset;
                Ok(sendfile(&self.stream, &region.file, Some(&mut offset), count)?)
            };
            match self.stream.try_io(Interest::WRITABLE, attempt) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                Ok(sent) => {
                    region.offset += sent as u64;
                    region.length -= sent as u64;
                    if region.length == 0 {
                        queue.pop_front();
                    }
                    return Poll::Ready(Ok(sent));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

/// Whether `slice` is part of the placeholder.
fn is_placeholder(slice: &[u8]) -> bool {
    PLACEHOLDER.as_ptr_range().contains(&slice.as_ptr())
}

impl AsyncWrite for SendfileStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let plain = slices.iter().take_while(|slice| !is_placeholder(slice)).count();
        if plain > 0 {
            return Pin::new(&mut this.stream).poll_write_vectored(context, &slices[..plain]);
        }
        match slices.first() {
            Some(placeholder) => this.poll_send(context, placeholder.len()),
            None => Poll::Ready(Ok(0)),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

impl AsyncRead for SendfileStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn sends_regions_in_the_order_of_their_placeholders() {
        let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        let file = Arc::new(file);
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
        let (server, _) = socket.accept().await.unwrap();

        let regions = Regions::default();
        let mut stream = SendfileStream::new(server, regions.clone());
        let sent = content.clone();
        let sender = tokio::spawn(async move {
            let length = sent.len() as u64;
            let mut rest = FileRegion { file, offset: 1000, length: length - 1000 };
            stream.write_all(b"head").await.unwrap();
            while rest.length > 0 {
                let placeholder = regions.enqueue(&mut rest);
                stream.write_all(&placeholder).await.unwrap();
            }
            stream.write_all(b"tail").await.unwrap();
            stream.shutdown().await.unwrap();
        });
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        sender.await.unwrap();
        assert!(received == [b"head", &content[1000..], b"tail"].concat());
    }

    #[tokio::test]
    async fn a_file_that_shrank_ends_the_connection() {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
        let (server, _) = socket.accept().await.unwrap();
        let regions = Regions::default();
        let mut stream = SendfileStream::new(server, regions.clone());
        let placeholder = regions.enqueue(&mut FileRegion { file, offset: 0, length: 10 });
        let error = stream.write_all(&placeholder).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
