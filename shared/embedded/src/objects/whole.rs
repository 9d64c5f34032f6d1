//! Objects that are put whole.

use std::fs::File;
use std::io::{self, IoSlice, Write as _};
use std::path::PathBuf;

use bytes::Bytes;
use tempfile::NamedTempFile;

use super::layout::{Place, TEMPORARY};
use super::pump::Sink;
use crate::folder::sync_folder;

/// An object that is being put, in a file beside: it is removed when dropped.
pub(super) struct NewObject {
    uploads: PathBuf,
    place: Place,
    /// Made with the first write, so that a short body needs one thread once.
    file: Option<NamedTempFile>,
    size: u64,
}

impl NewObject {
    pub(super) fn new(uploads: PathBuf, place: Place) -> Self {
        Self { uploads, place, file: None, size: 0 }
    }

    fn made(&mut self) -> io::Result<&mut NamedTempFile> {
        let file = match self.file.take() {
            Some(file) => file,
            None => tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(&self.uploads)?,
        };
        Ok(self.file.insert(file))
    }
}

impl Sink for NewObject {
    type Stored = u64;

    fn write(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        self.size += write_pieces(self.made()?.as_file(), pieces)?;
        Ok(())
    }

    fn file(&self) -> io::Result<File> {
        let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        file.as_file().try_clone()
    }

    fn finish(mut self) -> io::Result<u64> {
        self.made()?.as_file().sync_data()?;
        let file = self.file.take().ok_or(io::ErrorKind::NotFound)?;
        file.persist(&self.place.file)?;
        sync_folder(&self.place.folder)?;
        Ok(self.size)
    }
}

/// Writes all of `pieces` at the file's cursor, and returns their size.
pub(super) fn write_pieces(mut file: &File, pieces: &[Bytes]) -> io::Result<u64> {
    let mut slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
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
