//! Carries a body from the task that receives it to a thread that writes it.
//!
//! Receiving (and hashing, which is part of the stream) and writing thus overlap. Small pieces
//! are gathered, so that neither a hand-over nor a write is spent on a few bytes.

use berth_registry::ports::{BodyError, ByteStream, PutError, StoreError, StoreErrorKind};
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

/// Pieces are handed over once they have this size together.
const BATCH_SIZE: usize = 256 * 1024;

/// The most pieces that are handed over at once, which the system writes with one call.
const BATCH_PIECES: usize = 256;

/// The most batches that wait. With the one that is gathered and the one that is written, a body
/// takes four times [`BATCH_SIZE`] of memory, and what its last pieces are larger.
const WAITING_BATCHES: usize = 2;

/// What is left of a body, for the thread that writes it.
pub(super) struct Pieces {
    batches: mpsc::Receiver<Message>,
}

enum Message {
    Batch(Vec<Bytes>),
    End,
}

/// What a writer meets instead of the next batch.
#[derive(Debug)]
pub(super) enum WriteError {
    /// The body failed, or nobody waits for the answer any more.
    Abandoned,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Pieces {
    /// Returns the next batch, or `None` at the end of the body.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Bytes>>, WriteError> {
        match self.batches.blocking_recv() {
            Some(Message::Batch(batch)) => Ok(Some(batch)),
            Some(Message::End) => Ok(None),
            None => Err(WriteError::Abandoned),
        }
    }
}

/// Runs `write` on a thread where it may block, feeds it `body`, and returns what it returned.
///
/// If the body fails, or the future is dropped, `write` meets [`WriteError::Abandoned`]: it is the
/// one to clean up. Unless dropped, this waits until it has done so.
pub(super) async fn pump<T: Send + 'static>(
    body: ByteStream,
    write: impl FnOnce(Pieces) -> Result<T, WriteError> + Send + 'static,
) -> Result<T, PutError> {
    let (sender, batches) = mpsc::channel(WAITING_BATCHES);
    let writer = tokio::task::spawn_blocking(move || write(Pieces { batches }));
    let sent = send(body, sender).await;
    let written = writer.await.map_err(|error| StoreError::new(StoreErrorKind::Internal, error))?;
    match (written, sent) {
        (_, Err(error)) => Err(error.into()),
        (Ok(value), Ok(())) => Ok(value),
        (Err(WriteError::Store(error)), Ok(())) => Err(error.into()),
        (Err(WriteError::Abandoned), Ok(())) => {
            Err(StoreError::new(StoreErrorKind::Internal, "a body ended without its end").into())
        }
    }
}

/// Sends `body` until it ends or the writer does, who then knows why.
async fn send(mut body: ByteStream, writer: mpsc::Sender<Message>) -> Result<(), BodyError> {
    let mut batch = Vec::new();
    let mut size = 0;
    while let Some(piece) = body.next().await {
        let piece = piece?;
        if piece.is_empty() {
            continue;
        }
        size += piece.len();
        batch.push(piece);
        if size >= BATCH_SIZE || batch.len() == BATCH_PIECES {
            size = 0;
            if writer.send(Message::Batch(std::mem::take(&mut batch))).await.is_err() {
                return Ok(());
            }
        }
    }
    if !batch.is_empty() && writer.send(Message::Batch(batch)).await.is_err() {
        return Ok(());
    }
    // An error says that the writer failed and left.
    _ = writer.send(Message::End).await;
    Ok(())
}
