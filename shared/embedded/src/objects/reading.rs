//! Streams a part of a file.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use berth_registry::ports::{BodyError, ByteStream, FileRegion, StoreError, StoreErrorKind};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use tokio::task::JoinHandle;

use crate::failure::file_failure;

/// Two of these are in memory at a time: one that is being read, one that is being used.
const PIECE_SIZE: u64 = 256 * 1024;

/// Returns the bytes of `region`, each piece read while the one before it is in use.
pub(super) fn stream(region: FileRegion) -> ByteStream {
    let first = ReadAhead::start(region);
    stream::unfold(first, |reading| async move {
        let (piece, rest) = reading?.next().await;
        Some((piece, rest))
    })
    .boxed()
}

/// A piece that is being read, and what follows it.
struct ReadAhead {
    piece: JoinHandle<Result<Bytes, StoreError>>,
    rest: FileRegion,
}

impl ReadAhead {
    /// Starts to read the first piece of `region`; `None` if it is empty.
    fn start(region: FileRegion) -> Option<Self> {
        let length = region.length.min(PIECE_SIZE);
        if length == 0 {
            return None;
        }
        let FileRegion { file, offset, .. } = &region;
        let (file, offset) = (Arc::clone(file), *offset);
        let piece = tokio::task::spawn_blocking(move || read(&file, offset, length));
        let rest = FileRegion {
            offset: region.offset + length,
            length: region.length - length,
            file: region.file,
        };
        Some(Self { piece, rest })
    }

    async fn next(self) -> (Result<Bytes, BodyError>, Option<Self>) {
        let piece = self.piece.await;
        let piece = piece.map_err(|error| StoreError::new(StoreErrorKind::Internal, error));
        match piece.flatten() {
            Ok(piece) => (Ok(piece), Self::start(self.rest)),
            Err(error) => (Err(error.into()), None),
        }
    }
}

fn read(file: &File, offset: u64, length: u64) -> Result<Bytes, StoreError> {
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let mut piece = vec![0; length];
    file.read_exact_at(&mut piece, offset).map_err(file_failure)?;
    Ok(piece.into())
}
