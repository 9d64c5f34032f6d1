//! Carries a body from the task that receives it to threads that may block.
//!
//! Receiving (and hashing, which is part of the stream) and writing overlap: while one batch is
//! written, the next is gathered. Small pieces are gathered so that neither a hand-over nor a
//! write is spent on a few bytes. A thread is taken for each batch and not for the body, since
//! bodies of slow clients would otherwise take them all.

use std::fs::File;
use std::io;

use berth_registry::ports::{BodyError, ByteStream, PutError, StoreError, StoreErrorKind};
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, spawn_blocking};

use super::blocks::BLOCK;
use crate::failure::file_failure;

/// A batch is written once it has this size. Two of them are in memory: one that is gathered and
/// one that is written, each longer by what its last piece is.
const BATCH_SIZE: usize = BLOCK;

/// The most pieces of a batch, which the system writes with one call.
const BATCH_PIECES: usize = 1024;

/// A long body is synced each time that it has grown by this, beside the writing, so that the
/// last sync does not wait for all of it.
const SYNC_EVERY: usize = 16 * 1024 * 1024;

/// Where a body goes. Its methods may block; dropping it gives up what was written.
pub(super) trait Sink: Send + 'static {
    /// What is told of a body that was stored.
    type Stored: Send + 'static;

    /// Writes the next pieces.
    fn write(&mut self, pieces: &[Bytes]) -> io::Result<()>;

    /// Returns the file that was written to, once more, if what was written waits for a sync.
    fn unsynced(&self) -> io::Result<Option<File>>;

    /// Writes the last pieces, makes the body durable and, if it is to be seen, visible.
    fn finish(self, pieces: &[Bytes]) -> io::Result<Self::Stored>;
}

/// Stores `body` in `sink`. If the body fails, what was written is given up before this returns.
pub(super) async fn pump<S: Sink>(sink: S, mut body: ByteStream) -> Result<S::Stored, PutError> {
    let mut writer = Writer::new(sink);
    loop {
        let batch = match Batch::gather(&mut body).await {
            Ok(batch) => batch,
            Err(error) => {
                writer.give_up().await;
                return Err(error.into());
            }
        };
        if batch.is_last {
            return Ok(writer.finish(batch.pieces).await?);
        }
        writer.write(batch).await?;
    }
}

/// Runs what may block.
pub(super) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    join(spawn_blocking(work)).await
}

async fn join<T>(task: JoinHandle<io::Result<T>>) -> Result<T, StoreError> {
    match task.await {
        Ok(result) => result.map_err(file_failure),
        Err(error) => Err(StoreError::new(StoreErrorKind::Internal, error)),
    }
}

struct Batch {
    pieces: Vec<Bytes>,
    size: usize,
    is_last: bool,
}

impl Batch {
    async fn gather(body: &mut ByteStream) -> Result<Self, BodyError> {
        let mut batch = Self { pieces: Vec::new(), size: 0, is_last: false };
        while batch.size < BATCH_SIZE && batch.pieces.len() < BATCH_PIECES {
            match body.next().await {
                Some(Ok(piece)) if piece.is_empty() => {}
                Some(Ok(piece)) => {
                    batch.size += piece.len();
                    batch.pieces.push(piece);
                }
                Some(Err(error)) => return Err(error),
                None => {
                    batch.is_last = true;
                    break;
                }
            }
        }
        Ok(batch)
    }
}

/// Writes one batch at a time, and syncs beside it at most once at a time.
struct Writer<S: Sink> {
    /// `None` while a batch is written, or if that failed.
    sink: Option<Idle<S>>,
    writing: Option<JoinHandle<io::Result<S>>>,
    syncing: Option<JoinHandle<io::Result<()>>>,
    unsynced: usize,
}

impl<S: Sink> Writer<S> {
    fn new(sink: S) -> Self {
        Self { sink: Some(Idle(Some(sink))), writing: None, syncing: None, unsynced: 0 }
    }

    /// Begins to write a batch.
    async fn write(&mut self, batch: Batch) -> Result<(), StoreError> {
        let mut sink = self.take_sink().await?;
        let is_syncing = self.syncing.as_ref().is_some_and(|syncing| !syncing.is_finished());
        if self.unsynced >= SYNC_EVERY && !is_syncing {
            self.finish_sync().await?;
            self.unsynced = 0;
            let unsynced = sink.unsynced().map_err(file_failure)?;
            self.syncing = unsynced.map(|file| spawn_blocking(move || file.sync_data()));
        }
        self.unsynced += batch.size;
        self.writing = Some(spawn_blocking(move || {
            sink.write(&batch.pieces)?;
            Ok(sink)
        }));
        Ok(())
    }

    /// Writes the last pieces, and finishes.
    async fn finish(&mut self, pieces: Vec<Bytes>) -> Result<S::Stored, StoreError> {
        let sink = self.take_sink().await?;
        self.finish_sync().await?;
        aside(move || sink.finish(&pieces)).await
    }

    /// Waits for the batch that is written, and returns the sink.
    async fn take_sink(&mut self) -> Result<S, StoreError> {
        if let Some(writing) = self.writing.take() {
            return join(writing).await;
        }
        let idle = self.sink.take().and_then(|mut idle| idle.0.take());
        idle.ok_or_else(|| StoreError::new(StoreErrorKind::Internal, "a write had failed before"))
    }

    /// Waits for the sync beside. The system reports a failed write to one sync alone, so that
    /// its result must not be lost.
    async fn finish_sync(&mut self) -> Result<(), StoreError> {
        match self.syncing.take() {
            Some(syncing) => join(syncing).await,
            None => Ok(()),
        }
    }

    async fn give_up(&mut self) {
        _ = self.finish_sync().await;
        if let Ok(sink) = self.take_sink().await {
            _ = spawn_blocking(move || drop(sink)).await;
        }
    }
}

/// A sink that nobody writes to. If it is dropped with the task, a thread gives it up, since
/// removing a long file takes time.
struct Idle<S: Sink>(Option<S>);

impl<S: Sink> Drop for Idle<S> {
    fn drop(&mut self) {
        if let Some(sink) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn_blocking(move || drop(sink));
        }
    }
}
