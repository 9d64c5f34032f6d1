//! Objects that are put whole.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use bytes::Bytes;
use tempfile::TempPath;

use super::blocks::BlockFile;
use super::layout::{Place, TEMPORARY};
use super::pump::Sink;
use crate::folder::sync_folder;

/// An object that is being put, in a file beside: it is removed when dropped.
pub(super) struct NewFile {
    uploads: PathBuf,
    place: Place,
    /// Made with the first write, so that a short body needs one thread once.
    file: Option<(TempPath, BlockFile)>,
    size: u64,
}

impl NewFile {
    pub(super) fn new(uploads: PathBuf, place: Place) -> Self {
        Self { uploads, place, file: None, size: 0 }
    }

    fn made(&mut self) -> io::Result<&mut BlockFile> {
        let made = if let Some(made) = self.file.take() {
            made
        } else {
            let file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(&self.uploads)?;
            let (file, path) = file.into_parts();
            (path, BlockFile::new(file, 0))
        };
        Ok(&mut self.file.insert(made).1)
    }
}

impl Sink for NewFile {
    type Stored = u64;

    fn write(&mut self, pieces: &[Bytes]) -> io::Result<()> {
        self.size += self.made()?.write(pieces)?;
        Ok(())
    }

    fn unsynced(&self) -> io::Result<Option<File>> {
        match &self.file {
            Some((_, blocks)) if blocks.is_cached() => blocks.file().try_clone().map(Some),
            _ => Ok(None),
        }
    }

    fn finish(mut self, pieces: &[Bytes]) -> io::Result<u64> {
        self.size += self.made()?.end(pieces)?;
        self.made()?.file().sync_data()?;
        let (path, _) = self.file.take().ok_or(io::ErrorKind::NotFound)?;
        path.persist(&self.place.file)?;
        sync_folder(&self.place.folder)?;
        Ok(self.size)
    }
}
