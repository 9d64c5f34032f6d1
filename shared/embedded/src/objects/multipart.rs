//! The parts of an upload, in one file at their offsets, so that completing it copies nothing.
//!
//! A part's tag is the offset of its end: completing compares the last one with the size, and
//! cuts off what a part that failed may have left behind it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use berth_registry::ports::{PartTag, StoreError, StoreErrorKind};
use bytes::Bytes;

use super::blocks::BlockFile;
use super::layout::Place;
use super::pump::{Sink, aside};
use crate::folder::sync_folder;

/// How often, and after which time again, an upload's file is tried that a part which was given
/// up is about to leave.
const TRIES: u32 = 500;
const RETRY_AFTER: Duration = Duration::from_millis(10);

/// Makes the empty file of an upload.
pub(super) fn begin(path: &Path, uploads: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    sync_folder(uploads)
}

/// A part that is being put, at the end of its upload's file: it is cut off when dropped.
pub(super) struct NewPart {
    blocks: BlockFile,
    offset: u64,
    size: u64,
    is_stored: bool,
}

impl NewPart {
    /// Begins the part at `offset`, in place of all that follows it.
    pub(super) async fn begin(path: PathBuf, offset: u64) -> Result<Self, StoreError> {
        let file = open(path).await?;
        let begin = move || {
            if file.metadata()?.len() < offset {
                return Ok(None);
            }
            file.set_len(offset)?;
            (&file).seek(SeekFrom::Start(offset))?;
            let blocks = BlockFile::new(file, offset);
            Ok(Some(Self { blocks, offset, size: 0, is_stored: false }))
        };
        aside(begin).await?.ok_or_else(|| damaged("an upload lacks a part before this one"))
    }
}

impl Sink for NewPart {
    type Stored = PartTag;

    fn write(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        self.size += self.blocks.write(pieces)?;
        Ok(())
    }

    fn unsynced(&self) -> io::Result<Option<File>> {
        match self.blocks.is_cached() {
            true => self.blocks.file().try_clone().map(Some),
            false => Ok(None),
        }
    }

    fn finish(mut self, pieces: &[Bytes]) -> io::Result<PartTag> {
        self.size += self.blocks.end(pieces)?;
        self.blocks.file().sync_data()?;
        self.is_stored = true;
        Ok(PartTag((self.offset + self.size).to_string()))
    }
}

impl Drop for NewPart {
    fn drop(&mut self) {
        if !self.is_stored {
            // Gives its room back. If that fails, the next part or the end cuts it off.
            _ = self.blocks.file().set_len(self.offset);
        }
    }
}

/// Makes the object of `parts`, or finds that this was done before.
pub(super) async fn complete(
    path: PathBuf,
    place: Place,
    parts: &[PartTag],
    size: u64,
) -> Result<(), StoreError> {
    let file = match open(path.clone()).await {
        Ok(file) => file,
        Err(error) if error.kind() == StoreErrorKind::NotFound => {
            return confirm(place, size).await;
        }
        Err(error) => return Err(error),
    };
    if parts.last().map_or(Ok(0), |tag| tag.0.parse()) != Ok(size) {
        return Err(damaged("the parts of an upload don't have its size together"));
    }
    let complete = move || {
        if file.metadata()?.len() < size {
            return Ok(false);
        }
        file.set_len(size)?;
        file.sync_data()?;
        fs::rename(path, &place.file)?;
        sync_folder(&place.folder)?;
        Ok(true)
    };
    if aside(complete).await? {
        Ok(())
    } else {
        Err(damaged("an upload is shorter than its parts"))
    }
}

/// Finds the object of an upload that was completed before, maybe by a process that died then.
async fn confirm(place: Place, size: u64) -> Result<(), StoreError> {
    let found = aside(move || {
        sync_folder(&place.folder)?;
        Ok(fs::metadata(&place.file)?.len())
    });
    match found.await? {
        found if found == size => Ok(()),
        _ => Err(damaged("an object has another size than its upload")),
    }
}

/// Opens the file of an upload, once nobody else writes to it: a part that was given up may be
/// about to end.
async fn open(path: PathBuf) -> Result<File, StoreError> {
    for _ in 0..TRIES {
        let path = path.clone();
        let opened = aside(move || {
            let file = OpenOptions::new().write(true).open(path)?;
            match file.try_lock() {
                Ok(()) => Ok(Some(file)),
                Err(TryLockError::WouldBlock) => Ok(None),
                Err(TryLockError::Error(error)) => Err(error),
            }
        });
        match opened.await? {
            Some(file) => return Ok(file),
            None => tokio::time::sleep(RETRY_AFTER).await,
        }
    }
    Err(StoreError::new(StoreErrorKind::Unavailable, "another part of the upload is being put"))
}

fn damaged(reason: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Damaged, reason)
}
