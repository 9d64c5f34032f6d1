//! Writes a body to a file, and makes it durable.

use std::fs::File;
use std::io::{self, IoSlice, Write as _};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::pump::{Pieces, WriteError};
use crate::failure::file_failure;

/// A long body is synced each time that it has grown by this, beside the writing, so that the
/// last sync does not wait for all of it.
const SYNC_EVERY: u64 = 32 * 1024 * 1024;

/// Writes all of a body to `file` at its cursor, syncs the file, and returns the body's size.
///
/// Must run in a blocking task of the runtime.
pub(super) fn write_body(file: &File, mut body: Pieces) -> Result<u64, WriteError> {
    let mut early = EarlySync::default();
    let mut size = 0;
    while let Some(batch) = body.next()? {
        size += write_batch(file, &batch).map_err(file_failure)?;
        early.grown_to(file, size).map_err(file_failure)?;
    }
    early.finish().map_err(file_failure)?;
    file.sync_data().map_err(file_failure)?;
    Ok(size)
}

fn write_batch(mut file: &File, batch: &[Bytes]) -> io::Result<u64> {
    let mut slices: Vec<_> = batch.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut rest = slices.as_mut_slice();
    let mut size = 0;
    while !rest.is_empty() {
        match file.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                size += written;
                IoSlice::advance_slices(&mut rest, written);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(size as u64)
}

/// At most one sync that runs beside the writing.
#[derive(Default)]
struct EarlySync {
    synced: u64,
    running: Option<JoinHandle<io::Result<()>>>,
}

impl EarlySync {
    fn grown_to(&mut self, file: &File, size: u64) -> io::Result<()> {
        if size - self.synced < SYNC_EVERY {
            return Ok(());
        }
        if self.running.as_ref().is_some_and(|running| !running.is_finished()) {
            return Ok(());
        }
        self.finish()?;
        self.synced = size;
        let file = file.try_clone()?;
        self.running = Some(tokio::task::spawn_blocking(move || file.sync_data()));
        Ok(())
    }

    /// Waits for the one that runs. The system reports a failed write to one sync alone, so that
    /// its result must not be lost.
    fn finish(&mut self) -> io::Result<()> {
        match self.running.take() {
            Some(running) => Handle::current().block_on(running).map_err(io::Error::other)?,
            None => Ok(()),
        }
    }
}
