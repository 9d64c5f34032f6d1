//! The objects, one file each.
//!
//! A body is written beside (`uploads/`), synced, renamed to its place, and the folder of its
//! place is synced: what was acknowledged survives a crash, and what was not is invisible.

mod blocks;
mod classes;
mod copy;
mod layout;
mod listing;
mod multipart;
mod pump;
mod reading;
mod whole;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use berth_registry::ports::{
    ByteRange, ByteStream, CopySource, DeleteObjects, Download, FileRegion, MultipartId, NewObject,
    ObjectKey, PartTag, PutError, ReadObjects, StoreError, StoreErrorKind, WriteObjects,
};
use uuid::Uuid;

use crate::OpenError;
use crate::failure::file_failure;
use crate::folder::{FolderLock, make_folder, sync_folder};
use layout::{Layout, Place, TEMPORARY};
use multipart::NewPart;
use pump::{aside, pump};
use whole::NewFile;

/// The registry's objects in files.
#[derive(Debug)]
pub struct FileObjects {
    layout: Layout,
    _lock: FolderLock,
}

impl FileObjects {
    pub(crate) fn open(data_folder: &Path, lock: FolderLock) -> Result<Self, OpenError> {
        let layout = Layout::new(data_folder);
        make_folder(layout.objects())?;
        make_folder(layout.uploads())?;
        make_fans(&layout).map_err(OpenError::file(layout.objects()))?;
        remove_leftovers(layout.uploads()).map_err(OpenError::file(layout.uploads()))?;
        Ok(Self { layout, _lock: lock })
    }

    /// Returns the name of an object's file.
    #[must_use]
    pub fn file_name(key: &ObjectKey) -> String {
        layout::plain_name(key)
    }

    /// Returns the names of the files of all objects but those that are `named`.
    pub fn unnamed(&self, named: impl Fn(&str) -> bool) -> io::Result<Vec<String>> {
        let mut unnamed = Vec::new();
        for folder in self.layout.fans() {
            for entry in fs::read_dir(folder)? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                if !named(&name) {
                    unnamed.push(name);
                }
            }
        }
        Ok(unnamed)
    }

    /// Opens a file. It runs on the calling task, as does a point read of the table, since its
    /// folder's entry is nearly always in memory.
    fn region(&self, key: &ObjectKey, range: ByteRange) -> Result<FileRegion, StoreError> {
        let Place { file, .. } = self.layout.object(key)?;
        let file = File::open(file).map_err(file_failure)?;
        if file.metadata().map_err(file_failure)?.len() < range.end {
            return Err(StoreError::new(StoreErrorKind::Damaged, "an object is too short"));
        }
        let length = range.end.saturating_sub(range.start);
        Ok(FileRegion { file: Arc::new(file), offset: range.start, length })
    }
}

#[async_trait]
impl ReadObjects for FileObjects {
    async fn download(&self, key: &ObjectKey, range: ByteRange) -> Result<Download, StoreError> {
        self.region(key, range).map(Download::File)
    }

    async fn head_url(&self, _key: &ObjectKey) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    fn copy_source(&self, key: &ObjectKey) -> CopySource {
        CopySource { store: self.layout.data_folder().as_os_str().to_owned(), key: key.clone() }
    }

    async fn read(&self, key: &ObjectKey, range: ByteRange) -> Result<ByteStream, StoreError> {
        self.region(key, range).map(reading::stream)
    }
}

#[async_trait]
impl DeleteObjects for FileObjects {
    async fn abort_multipart(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
    ) -> Result<(), StoreError> {
        let path = self.layout.multipart(key, multipart)?;
        let uploads = self.layout.uploads().to_owned();
        aside(move || remove(&path, &uploads)).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        let Place { file, folder } = self.layout.object(key)?;
        aside(move || remove(&file, &folder)).await
    }
}

#[async_trait]
impl WriteObjects for FileObjects {
    fn smallest_part(&self) -> u64 {
        0
    }

    async fn put(&self, object: NewObject<'_>, body: ByteStream) -> Result<u64, PutError> {
        let place = self.layout.object(object.key)?;
        let uploads = self.layout.uploads().to_owned();
        pump(NewFile::new(uploads, place), body).await
    }

    async fn copy(
        &self,
        object: NewObject<'_>,
        from: &CopySource,
        size: u64,
    ) -> Result<(), StoreError> {
        let from = Layout::new(Path::new(&from.store)).object(&from.key)?.file;
        let place = self.layout.object(object.key)?;
        let uploads = self.layout.uploads().to_owned();
        let copied = aside(move || copy::copy(&from, &place, &uploads, size)).await?;
        match copied {
            true => Ok(()),
            false => Err(StoreError::new(StoreErrorKind::Damaged, "an object has another size")),
        }
    }

    async fn begin_multipart(&self, object: NewObject<'_>) -> Result<MultipartId, StoreError> {
        let id = MultipartId(Uuid::new_v4().simple().to_string());
        let path = self.layout.multipart(object.key, &id)?;
        let uploads = self.layout.uploads().to_owned();
        aside(move || multipart::begin(&path, &uploads)).await?;
        Ok(id)
    }

    async fn put_parts(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
        _number: u32,
        offset: u64,
        body: ByteStream,
    ) -> Result<Vec<PartTag>, PutError> {
        let path = self.layout.multipart(key, multipart)?;
        let tag = pump(NewPart::begin(path, offset).await?, body).await?;
        Ok(vec![tag])
    }

    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
        parts: &[PartTag],
        size: u64,
    ) -> Result<(), StoreError> {
        let path = self.layout.multipart(key, multipart)?;
        let place = self.layout.object(key)?;
        multipart::complete(path, place, parts, size).await
    }
}

/// Removes a file, if it is there.
fn remove(file: &Path, folder: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_folder(folder),
    }
}

fn make_fans(layout: &Layout) -> io::Result<()> {
    for fan in layout.fans() {
        match fs::create_dir(&fan) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    sync_folder(layout.objects())
}

/// Removes the bodies that a process was putting when it died. Uploads of several parts stay:
/// their sessions resume.
fn remove_leftovers(uploads: &Path) -> io::Result<()> {
    for entry in fs::read_dir(uploads)? {
        let path: PathBuf = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes()) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
