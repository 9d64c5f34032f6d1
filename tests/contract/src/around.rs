use std::ops::Deref;
use std::sync::Arc;

use async_trait::async_trait;
use berth_registry::ports::{
    ByteRange, ByteStream, Consistency, CopySource, DeleteObjects, Download, Item, Key,
    MoveObjects, MultipartId, NewObject, ObjectKey, Operation, Page, PartTag, PutError, Query,
    ReadObjects, ReadTable, StorageClass, StoreError, TransactError, WriteObjects, WriteTable,
};

/// What a test does around each call of a port.
pub trait Around: std::fmt::Debug + Send + Sync {
    /// Carries out `call`, which is of the method `name`, or does not.
    fn around<T, E>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> impl Future<Output = Result<T, E>> + Send
    where
        T: Send,
        E: From<StoreError> + Send;

    /// Hears how many keys a batch has, before it is read.
    fn batch(&self, _keys: usize) {}

    /// Returns the smallest part of objects whose own is `inner` bytes.
    fn smallest_part(&self, inner: u64) -> u64 {
        inner
    }
}

/// A table with something around each call.
#[derive(Debug)]
pub struct TableAround<A> {
    inner: Arc<dyn WriteTable>,
    around: A,
}

/// Objects with something around each call.
#[derive(Debug)]
pub struct ObjectsAround<A> {
    inner: Arc<dyn WriteObjects>,
    around: A,
}

impl<A> TableAround<A> {
    /// Puts `around` around `inner`.
    pub fn wrap(inner: Arc<dyn WriteTable>, around: A) -> Self {
        Self { inner, around }
    }
}

impl<A> ObjectsAround<A> {
    /// Puts `around` around `inner`.
    pub fn wrap(inner: Arc<dyn WriteObjects>, around: A) -> Self {
        Self { inner, around }
    }
}

impl<A> Deref for TableAround<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.around
    }
}

impl<A> Deref for ObjectsAround<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.around
    }
}

#[async_trait]
impl<A: Around> ReadTable for TableAround<A> {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, StoreError> {
        self.around.around("get", self.inner.get(key, consistency)).await
    }

    async fn batch_get(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, StoreError> {
        self.around.batch(keys.len());
        self.around.around("batch_get", self.inner.batch_get(keys, consistency)).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.around.around("query", self.inner.query(query)).await
    }
}

#[async_trait]
impl<A: Around> WriteTable for TableAround<A> {
    async fn transact(&self, operations: Vec<Operation>) -> Result<(), TransactError> {
        self.around.around("transact", self.inner.transact(operations)).await
    }
}

#[async_trait]
impl<A: Around> ReadObjects for ObjectsAround<A> {
    async fn download(&self, key: &ObjectKey, range: ByteRange) -> Result<Download, StoreError> {
        self.around.around("download", self.inner.download(key, range)).await
    }

    async fn head_url(&self, key: &ObjectKey) -> Result<Option<String>, StoreError> {
        self.around.around("head_url", self.inner.head_url(key)).await
    }

    fn copy_source(&self, key: &ObjectKey) -> CopySource {
        self.inner.copy_source(key)
    }

    async fn read(&self, key: &ObjectKey, range: ByteRange) -> Result<ByteStream, StoreError> {
        self.around.around("read", self.inner.read(key, range)).await
    }
}

#[async_trait]
impl<A: Around> DeleteObjects for ObjectsAround<A> {
    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.around.around("delete", self.inner.delete(key)).await
    }

    async fn abort_multipart(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
    ) -> Result<(), StoreError> {
        let call = self.inner.abort_multipart(key, multipart);
        self.around.around("abort_multipart", call).await
    }
}

#[async_trait]
impl<A: Around> MoveObjects for ObjectsAround<A> {
    async fn move_to(
        &self,
        object: NewObject<'_>,
        size: u64,
        class: StorageClass,
    ) -> Result<(), StoreError> {
        self.around.around("move_to", self.inner.move_to(object, size, class)).await
    }
}

#[async_trait]
impl<A: Around> WriteObjects for ObjectsAround<A> {
    fn smallest_part(&self) -> u64 {
        self.around.smallest_part(self.inner.smallest_part())
    }

    async fn put(&self, object: NewObject<'_>, body: ByteStream) -> Result<u64, PutError> {
        self.around.around("put", self.inner.put(object, body)).await
    }

    async fn copy(
        &self,
        object: NewObject<'_>,
        from: &CopySource,
        size: u64,
    ) -> Result<(), StoreError> {
        self.around.around("copy", self.inner.copy(object, from, size)).await
    }

    async fn begin_multipart(&self, object: NewObject<'_>) -> Result<MultipartId, StoreError> {
        self.around.around("begin_multipart", self.inner.begin_multipart(object)).await
    }

    async fn put_parts(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
        number: u32,
        offset: u64,
        body: ByteStream,
    ) -> Result<Vec<PartTag>, PutError> {
        let call = self.inner.put_parts(key, multipart, number, offset, body);
        self.around.around("put_parts", call).await
    }

    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
        parts: &[PartTag],
        size: u64,
    ) -> Result<(), StoreError> {
        let call = self.inner.complete_multipart(key, multipart, parts, size);
        self.around.around("complete_multipart", call).await
    }
}
