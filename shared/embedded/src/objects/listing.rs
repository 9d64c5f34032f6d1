//! Listing objects: folder by folder, and in each by name.

use std::collections::BinaryHeap;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use async_trait::async_trait;
use berth_registry::ports::{
    ListObjects, ListedMultipart, ListedObject, Listing, StoreError, Timestamp,
};

use super::FileObjects;
use super::layout::{Layout, key_of, multipart_of};
use super::pump::aside;

#[async_trait]
impl ListObjects for FileObjects {
    /// Reads a folder to its end for each page of it, and holds the page alone.
    async fn list(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listing<ListedObject>, StoreError> {
        let (layout, after) = (self.layout.clone(), after.map(str::to_owned));
        aside(move || list(&layout, after.as_deref(), limit)).await
    }

    async fn list_multiparts(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listing<ListedMultipart>, StoreError> {
        let (uploads, after) = (self.layout.uploads().to_owned(), after.map(str::to_owned));
        aside(move || list_multiparts(&uploads, after.as_deref(), limit)).await
    }
}

/// Lists objects behind the place `FAN/NAME`.
fn list(layout: &Layout, after: Option<&str>, limit: usize) -> io::Result<Listing<ListedObject>> {
    let mut listing = Listing { entries: Vec::new(), next: None };
    for folder in layout.fans() {
        let fan = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = match after.and_then(|after| after.split_once('/')) {
            Some((last, _)) if fan.as_str() < last => continue,
            Some((last, name)) if fan == last => Some(name),
            _ => None,
        };
        let room = limit - listing.entries.len();
        let names = names(&folder, name, room)?;
        let is_full = names.len() >= room;
        for name in names {
            let Some(metadata) = metadata(&folder.join(&name))? else { continue };
            listing.next = Some(format!("{fan}/{name}"));
            let (size, modified_at) = (metadata.len(), modified_at(&metadata));
            let entry = key_of(&name).map(|key| ListedObject { key, size, modified_at });
            listing.entries.extend(entry);
        }
        if is_full {
            return Ok(listing);
        }
    }
    Ok(Listing { next: None, ..listing })
}

fn list_multiparts(
    uploads: &Path,
    after: Option<&str>,
    limit: usize,
) -> io::Result<Listing<ListedMultipart>> {
    let names = names(uploads, after, limit)?;
    let next = names.last().filter(|_| names.len() >= limit).cloned();
    let mut entries = Vec::new();
    for name in names {
        if let Some((key, id)) = multipart_of(&name)
            && let Some(metadata) = metadata(&uploads.join(&name))?
        {
            entries.push(ListedMultipart { key, id, modified_at: modified_at(&metadata) });
        }
    }
    Ok(Listing { entries, next })
}

/// Returns the first names of a folder behind `after`, in their order.
fn names(folder: &Path, after: Option<&str>, limit: usize) -> io::Result<Vec<String>> {
    let mut first = BinaryHeap::new();
    for entry in fs::read_dir(folder)? {
        let Ok(name) = entry?.file_name().into_string() else { continue };
        if after.is_none_or(|after| name.as_str() > after) {
            first.push(name);
            if first.len() > limit {
                first.pop();
            }
        }
    }
    Ok(first.into_sorted_vec())
}

/// Returns what is known of a file; `None` if it is gone.
fn metadata(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns when a file was written, or came to its place: a copy may be a link to a file that was
/// written long ago.
fn modified_at(metadata: &Metadata) -> Timestamp {
    let millis = metadata.ctime().saturating_mul(1000) + metadata.ctime_nsec() / 1_000_000;
    Timestamp::from_millis(u64::try_from(millis).unwrap_or(0))
}
