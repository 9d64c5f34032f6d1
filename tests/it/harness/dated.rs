use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use berth_embedded::FileObjects;
use berth_registry::ports::{
    ByteRange, ByteStream, Clock, CopySource, DeleteObjects, Download, ListObjects,
    ListedMultipart, ListedObject, Listing, MoveObjects, MultipartId, NewObject, ObjectKey,
    PartTag, PutError, ReadObjects, StorageClass, StoreError, Timestamp, WriteObjects,
};

use super::TestClock;

/// Objects that are as old as the test's clock says, not as their files.
#[derive(Debug)]
pub struct DatedObjects {
    inner: Arc<FileObjects>,
    clock: Arc<TestClock>,
    modified: Mutex<HashMap<ObjectKey, Timestamp>>,
}

impl DatedObjects {
    pub fn new(inner: Arc<FileObjects>, clock: Arc<TestClock>) -> Self {
        Self { inner, clock, modified: Mutex::default() }
    }

    fn date(&self, key: &ObjectKey) {
        let mut modified = self.modified.lock().unwrap_or_else(PoisonError::into_inner);
        modified.insert(key.clone(), self.clock.now());
    }

    fn modified_at(&self, key: &ObjectKey) -> Timestamp {
        let modified = self.modified.lock().unwrap_or_else(PoisonError::into_inner);
        modified.get(key).copied().unwrap_or_default()
    }
}

#[async_trait]
impl ListObjects for DatedObjects {
    async fn list(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listing<ListedObject>, StoreError> {
        let mut listing = self.inner.list(after, limit).await?;
        for entry in &mut listing.entries {
            entry.modified_at = self.modified_at(&entry.key);
        }
        Ok(listing)
    }

    async fn list_multiparts(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listing<ListedMultipart>, StoreError> {
        let mut listing = self.inner.list_multiparts(after, limit).await?;
        for entry in &mut listing.entries {
            entry.modified_at = self.modified_at(&entry.key);
        }
        Ok(listing)
    }
}

#[async_trait]
impl ReadObjects for DatedObjects {
    async fn download(&self, key: &ObjectKey, range: ByteRange) -> Result<Download, StoreError> {
        self.inner.download(key, range).await
    }

    async fn head_url(&self, key: &ObjectKey) -> Result<Option<String>, StoreError> {
        self.inner.head_url(key).await
    }

    fn copy_source(&self, key: &ObjectKey) -> CopySource {
        self.inner.copy_source(key)
    }

    async fn read(&self, key: &ObjectKey, range: ByteRange) -> Result<ByteStream, StoreError> {
        self.inner.read(key, range).await
    }
}

#[async_trait]
impl DeleteObjects for DatedObjects {
    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.inner.delete(key).await
    }

    async fn abort_multipart(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
    ) -> Result<(), StoreError> {
        self.inner.abort_multipart(key, multipart).await
    }
}

#[async_trait]
impl MoveObjects for DatedObjects {
    async fn move_to(
        &self,
        object: NewObject<'_>,
        size: u64,
        class: StorageClass,
    ) -> Result<(), StoreError> {
        self.inner.move_to(object, size, class).await
    }
}

#[async_trait]
impl WriteObjects for DatedObjects {
    fn smallest_part(&self) -> u64 {
        self.inner.smallest_part()
    }

    async fn put(&self, object: NewObject<'_>, body: ByteStream) -> Result<u64, PutError> {
        self.date(object.key);
        let size = self.inner.put(object, body).await?;
        self.date(object.key);
        Ok(size)
    }

    async fn copy(
        &self,
        object: NewObject<'_>,
        from: &CopySource,
        size: u64,
    ) -> Result<(), StoreError> {
        self.inner.copy(object, from, size).await?;
        self.date(object.key);
        Ok(())
    }

    async fn begin_multipart(&self, object: NewObject<'_>) -> Result<MultipartId, StoreError> {
        self.date(object.key);
        self.inner.begin_multipart(object).await
    }

    async fn put_parts(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
        number: u32,
        offset: u64,
        body: ByteStream,
    ) -> Result<Vec<PartTag>, PutError> {
        self.date(key);
        self.inner.put_parts(key, multipart, number, offset, body).await
    }

    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
        parts: &[PartTag],
        size: u64,
    ) -> Result<(), StoreError> {
        self.inner.complete_multipart(key, multipart, parts, size).await
    }
}
