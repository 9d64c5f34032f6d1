//! Bodies of responses, as hyper wants them.

use std::io;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use berth_registry::ports::FileRegion;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use prometheus_client::metrics::counter::Counter;
use tokio::task::JoinHandle;

/// Bytes of a file that are read at once.
const PIECE: u64 = 256 * 1024;

/// Body of a response. Counts the bytes that it gives to the connection.
pub(crate) struct Body {
    content: Content,
    left: u64,
    sent: Counter,
}

enum Content {
    /// Nothing is left.
    End,
    /// These bytes.
    Bytes(Bytes),
    /// Part of a file, which the connection sends by itself.
    #[cfg(target_os = "linux")]
    Sent(FileRegion, crate::sendfile::Regions),
    /// Part of a file, read piece by piece, one ahead.
    Read(ReadAhead),
}

impl Body {
    pub(crate) fn bytes(bytes: Bytes, sent: Counter) -> Self {
        Self { left: bytes.len() as u64, content: Content::Bytes(bytes), sent }
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn sent(
        region: FileRegion,
        regions: crate::sendfile::Regions,
        sent: Counter,
    ) -> Self {
        crate::sendfile::Regions::begin(&region);
        Self { left: region.length, content: Content::Sent(region, regions), sent }
    }

    pub(crate) fn read(region: FileRegion, sent: Counter) -> Self {
        Self { left: region.length, content: Content::Read(ReadAhead::new(region)), sent }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        if this.left == 0 {
            this.content = Content::End;
        }
        let piece = match &mut this.content {
            Content::End => return Poll::Ready(None),
            Content::Bytes(bytes) => std::mem::take(bytes),
            #[cfg(target_os = "linux")]
            Content::Sent(region, regions) => regions.enqueue(region),
            Content::Read(ahead) => match ready!(ahead.poll_piece(context)) {
                Ok(piece) => piece,
                Err(error) => return Poll::Ready(Some(Err(error))),
            },
        };
        this.left -= piece.len() as u64;
        this.sent.inc_by(piece.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Reads a region on blocking threads, one piece ahead of who wants it.
struct ReadAhead {
    rest: FileRegion,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
}

impl ReadAhead {
    fn new(region: FileRegion) -> Self {
        Self { rest: region, reading: None }
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let reading = self.reading.take().unwrap_or_else(|| read_piece(&mut self.rest));
        let reading = self.reading.insert(reading);
        let piece = ready!(Pin::new(reading).poll(context));
        self.reading = (self.rest.length > 0).then(|| read_piece(&mut self.rest));
        Poll::Ready(piece.map_err(io::Error::other).flatten())
    }
}

/// Begins to read the first piece of `rest`, and takes it off.
fn read_piece(rest: &mut FileRegion) -> JoinHandle<io::Result<Bytes>> {
    let (file, offset) = (Arc::clone(&rest.file), rest.offset);
    let length = rest.length.min(PIECE);
    rest.offset += length;
    rest.length -= length;
    tokio::task::spawn_blocking(move || {
        let mut piece = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        file.read_exact_at(&mut piece, offset)?;
        Ok(Bytes::from(piece))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use std::io::Write;

    #[tokio::test]
    async fn reads_a_region_whole() {
        let content: Vec<u8> = (0..700_000_u32).map(|n| (n % 251) as u8).collect();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        let region = FileRegion { file: Arc::new(file), offset: 10, length: 600_000 };
        let sent = Counter::default();
        let body = Body::read(region, sent.clone());
        assert!(body.collect().await.unwrap().to_bytes() == content[10..600_010]);
        assert_eq!(sent.get(), 600_000);
    }

    #[tokio::test]
    async fn a_file_that_shrank_is_an_error() {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let region = FileRegion { file, offset: 0, length: 10 };
        assert!(Body::read(region, Counter::default()).collect().await.is_err());
    }
}
