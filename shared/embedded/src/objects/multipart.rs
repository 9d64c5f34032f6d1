//! The parts of an upload, in one file at their offsets, so that completing it copies nothing.
//!
//! A part's tag is the offset of its end: completing compares the last one with the size, and
//! cuts off what a part that failed may have left behind it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use berth_registry::ports::{PartTag, StoreError, StoreErrorKind};

use super::layout::Place;
use super::output::write_body;
use super::pump::{Pieces, WriteError};
use crate::failure::file_failure;
use crate::folder::sync_folder;

/// Makes the empty file of an upload.
pub(super) fn begin(path: &Path, uploads: &Path) -> Result<(), StoreError> {
    let make = || {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        sync_folder(uploads)
    };
    make().map_err(file_failure)
}

/// Writes the part at `offset`, in place of all that follows it.
pub(super) fn write_part(path: &Path, offset: u64, body: Pieces) -> Result<PartTag, WriteError> {
    let mut file = open(path)?;
    if file.metadata().map_err(file_failure)?.len() < offset {
        return Err(damaged("an upload lacks a part before this one").into());
    }
    let write = || {
        file.set_len(offset).map_err(file_failure)?;
        file.seek(SeekFrom::Start(offset)).map_err(file_failure)?;
        write_body(&file, body)
    };
    match write() {
        Ok(size) => Ok(PartTag((offset + size).to_string())),
        Err(error) => {
            // Gives its room back. If that fails, the next part or the end cuts it off.
            _ = file.set_len(offset);
            Err(error)
        }
    }
}

/// Makes the object of `parts`, or finds that this was done before.
pub(super) fn complete(
    path: &Path,
    place: &Place,
    parts: &[PartTag],
    size: u64,
) -> Result<(), StoreError> {
    match open(path) {
        Ok(file) => {
            let end = parts.last().map_or(Ok(0), |tag| tag.0.parse());
            if end != Ok(size) {
                return Err(damaged("the parts of an upload don't have its size together"));
            }
            let length = file.metadata().map_err(file_failure)?.len();
            if length < size {
                return Err(damaged("an upload is shorter than its parts"));
            }
            finish(&file, size).map_err(file_failure)?;
            fs::rename(path, &place.file).map_err(file_failure)?;
        }
        Err(error) if error.kind() == StoreErrorKind::NotFound => {
            if fs::metadata(&place.file).map_err(file_failure)?.len() != size {
                return Err(damaged("an object has another size than its upload"));
            }
        }
        Err(error) => return Err(error),
    }
    sync_folder(&place.folder).map_err(file_failure)
}

fn finish(file: &File, size: u64) -> io::Result<()> {
    file.set_len(size)?;
    file.sync_data()
}

/// Opens the file of an upload, once nobody else writes to it: a part whose sender was given up
/// may still be about to end.
fn open(path: &Path) -> Result<File, StoreError> {
    let file = OpenOptions::new().write(true).open(path).map_err(file_failure)?;
    file.lock().map_err(file_failure)?;
    Ok(file)
}

fn damaged(reason: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Damaged, reason)
}
