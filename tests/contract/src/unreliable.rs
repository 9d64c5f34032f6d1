use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use berth_registry::ports::{
    ByteRange, ByteStream, Consistency, Download, Item, Key, MultipartId, ObjectKey, Operation,
    Page, PartTag, PutError, Query, ReadObjects, ReadTable, StoreError, StoreErrorKind,
    TransactError, WriteObjects, WriteTable,
};

/// How many of the next calls fail, and how.
#[derive(Debug)]
struct Failures(Mutex<(usize, StoreErrorKind)>);

impl Failures {
    fn new(calls: usize, kind: StoreErrorKind) -> Self {
        Self(Mutex::new((calls, kind)))
    }

    fn set(&self, calls: usize, kind: StoreErrorKind) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (calls, kind);
    }

    fn pass(&self) -> Result<(), StoreError> {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (calls, kind) = &mut *failures;
        if *calls == 0 {
            return Ok(());
        }
        *calls -= 1;
        Err(StoreError::new(*kind, "a failure made by a test"))
    }
}

/// A table whose first calls fail, and do nothing.
#[derive(Debug)]
pub struct UnreliableTable<T: ?Sized = dyn WriteTable> {
    inner: Arc<T>,
    failures: Failures,
}

impl<T: fmt::Debug + ?Sized> UnreliableTable<T> {
    /// Makes a table on `inner` whose first `calls` fail.
    pub fn new(inner: Arc<T>, calls: usize, kind: StoreErrorKind) -> Self {
        Self { inner, failures: Failures::new(calls, kind) }
    }

    /// Lets the next `calls` fail, in place of those that were still to fail.
    pub fn fail_next(&self, calls: usize, kind: StoreErrorKind) {
        self.failures.set(calls, kind);
    }
}

#[async_trait]
impl<T: ReadTable + ?Sized> ReadTable for UnreliableTable<T> {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, StoreError> {
        self.failures.pass()?;
        self.inner.get(key, consistency).await
    }

    async fn batch_get(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, StoreError> {
        self.failures.pass()?;
        self.inner.batch_get(keys, consistency).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.failures.pass()?;
        self.inner.query(query).await
    }
}

#[async_trait]
impl<T: WriteTable + ?Sized> WriteTable for UnreliableTable<T> {
    async fn transact(&self, operations: Vec<Operation>) -> Result<(), TransactError> {
        self.failures.pass()?;
        self.inner.transact(operations).await
    }
}

/// Objects whose first calls fail, and do nothing.
#[derive(Debug)]
pub struct UnreliableObjects<T: ?Sized = dyn WriteObjects> {
    inner: Arc<T>,
    failures: Failures,
}

impl<T: fmt::Debug + ?Sized> UnreliableObjects<T> {
    /// Makes objects on `inner` whose first `calls` fail.
    pub fn new(inner: Arc<T>, calls: usize, kind: StoreErrorKind) -> Self {
        Self { inner, failures: Failures::new(calls, kind) }
    }

    /// Lets the next `calls` fail, in place of those that were still to fail.
    pub fn fail_next(&self, calls: usize, kind: StoreErrorKind) {
        self.failures.set(calls, kind);
    }
}

#[async_trait]
impl<T: ReadObjects + ?Sized> ReadObjects for UnreliableObjects<T> {
    async fn download(&self, key: &ObjectKey, range: ByteRange) -> Result<Download, StoreError> {
        self.failures.pass()?;
        self.inner.download(key, range).await
    }

    async fn read(&self, key: &ObjectKey, range: ByteRange) -> Result<ByteStream, StoreError> {
        self.failures.pass()?;
        self.inner.read(key, range).await
    }
}

#[async_trait]
impl<T: WriteObjects + ?Sized> WriteObjects for UnreliableObjects<T> {
    async fn put(&self, key: &ObjectKey, body: ByteStream) -> Result<u64, PutError> {
        self.failures.pass()?;
        self.inner.put(key, body).await
    }

    async fn begin_multipart(&self, key: &ObjectKey) -> Result<MultipartId, StoreError> {
        self.failures.pass()?;
        self.inner.begin_multipart(key).await
    }

    async fn put_part(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
        number: u32,
        offset: u64,
        body: ByteStream,
    ) -> Result<PartTag, PutError> {
        self.failures.pass()?;
        self.inner.put_part(key, multipart, number, offset, body).await
    }

    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
        parts: &[PartTag],
        size: u64,
    ) -> Result<(), StoreError> {
        self.failures.pass()?;
        self.inner.complete_multipart(key, multipart, parts, size).await
    }

    async fn abort_multipart(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
    ) -> Result<(), StoreError> {
        self.failures.pass()?;
        self.inner.abort_multipart(key, multipart).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.failures.pass()?;
        self.inner.delete(key).await
    }
}
