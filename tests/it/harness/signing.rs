use std::sync::Arc;

use async_trait::async_trait;
use berth_registry::ports::{
    ByteRange, ByteStream, CopySource, DeleteObjects, Download, MoveObjects, MultipartId,
    NewObject, ObjectKey, PartTag, PutError, ReadObjects, StorageClass, StoreError, WriteObjects,
};

/// Objects whose bytes clients fetch elsewhere, by URLs that are signed for a method.
#[derive(Debug)]
pub struct SigningObjects(pub Arc<dyn WriteObjects>);

fn signed(key: &ObjectKey, method: &str) -> String {
    format!("https://bucket.test/{}?signed-for={method}", key.as_str())
}

#[async_trait]
impl ReadObjects for SigningObjects {
    async fn download(&self, key: &ObjectKey, _: ByteRange) -> Result<Download, StoreError> {
        Ok(Download::Redirect(signed(key, "GET")))
    }

    async fn head_url(&self, key: &ObjectKey) -> Result<Option<String>, StoreError> {
        Ok(Some(signed(key, "HEAD")))
    }

    fn copy_source(&self, key: &ObjectKey) -> CopySource {
        self.0.copy_source(key)
    }

    async fn read(&self, key: &ObjectKey, range: ByteRange) -> Result<ByteStream, StoreError> {
        self.0.read(key, range).await
    }
}

#[async_trait]
impl DeleteObjects for SigningObjects {
    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.0.delete(key).await
    }

    async fn abort_multipart(&self, key: &ObjectKey, id: &MultipartId) -> Result<(), StoreError> {
        self.0.abort_multipart(key, id).await
    }
}

#[async_trait]
impl MoveObjects for SigningObjects {
    async fn move_to(
        &self,
        object: NewObject<'_>,
        size: u64,
        class: StorageClass,
    ) -> Result<(), StoreError> {
        self.0.move_to(object, size, class).await
    }
}

#[async_trait]
impl WriteObjects for SigningObjects {
    fn smallest_part(&self) -> u64 {
        self.0.smallest_part()
    }

    async fn put(&self, object: NewObject<'_>, body: ByteStream) -> Result<u64, PutError> {
        self.0.put(object, body).await
    }

    async fn copy(
        &self,
        object: NewObject<'_>,
        from: &CopySource,
        size: u64,
    ) -> Result<(), StoreError> {
        self.0.copy(object, from, size).await
    }

    async fn begin_multipart(&self, object: NewObject<'_>) -> Result<MultipartId, StoreError> {
        self.0.begin_multipart(object).await
    }

    async fn put_parts(
        &self,
        key: &ObjectKey,
        id: &MultipartId,
        number: u32,
        offset: u64,
        body: ByteStream,
    ) -> Result<Vec<PartTag>, PutError> {
        self.0.put_parts(key, id, number, offset, body).await
    }

    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        id: &MultipartId,
        parts: &[PartTag],
        size: u64,
    ) -> Result<(), StoreError> {
        self.0.complete_multipart(key, id, parts, size).await
    }
}
