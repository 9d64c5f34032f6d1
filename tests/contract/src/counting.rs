use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use berth_registry::ports::{
    ByteRange, ByteStream, Consistency, Download, Item, Key, MultipartId, ObjectKey, Operation,
    Page, PartTag, PutError, Query, ReadObjects, ReadTable, StoreError, TransactError,
    WriteObjects, WriteTable,
};

/// Keys that DynamoDB reads in one call.
const KEYS_PER_CALL: usize = 100;

/// The names of the methods that were called, in order.
///
/// A batch of more than 100 keys counts as the several calls that it takes of DynamoDB.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calls(Vec<&'static str>);

impl Calls {
    /// Returns the names, in order.
    #[must_use]
    pub fn names(&self) -> &[&'static str] {
        &self.0
    }

    /// Returns how many calls there were.
    #[must_use]
    pub fn total(&self) -> usize {
        self.0.len()
    }

    /// Returns how many calls of the method `name` there were.
    #[must_use]
    pub fn of(&self, name: &str) -> usize {
        self.0.iter().filter(|call| **call == name).count()
    }
}

#[derive(Debug, Default)]
struct Counter(Mutex<Calls>);

impl Counter {
    fn count(&self, name: &'static str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.push(name);
    }

    fn take(&self) -> Calls {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A table that counts calls.
#[derive(Debug)]
pub struct CountingTable<T: ?Sized = dyn WriteTable> {
    inner: Arc<T>,
    counter: Counter,
}

impl<T: fmt::Debug + ?Sized> CountingTable<T> {
    /// Makes a table on `inner`.
    pub fn new(inner: Arc<T>) -> Self {
        Self { inner, counter: Counter::default() }
    }

    /// Returns the calls since the last time.
    pub fn take(&self) -> Calls {
        self.counter.take()
    }
}

#[async_trait]
impl<T: ReadTable + ?Sized> ReadTable for CountingTable<T> {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, StoreError> {
        self.counter.count("get");
        self.inner.get(key, consistency).await
    }

    async fn batch_get(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, StoreError> {
        (0..keys.len().div_ceil(KEYS_PER_CALL)).for_each(|_| self.counter.count("batch_get"));
        self.inner.batch_get(keys, consistency).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.counter.count("query");
        self.inner.query(query).await
    }
}

#[async_trait]
impl<T: WriteTable + ?Sized> WriteTable for CountingTable<T> {
    async fn transact(&self, operations: Vec<Operation>) -> Result<(), TransactError> {
        self.counter.count("transact");
        self.inner.transact(operations).await
    }
}

/// Objects that count calls.
#[derive(Debug)]
pub struct CountingObjects<T: ?Sized = dyn WriteObjects> {
    inner: Arc<T>,
    counter: Counter,
}

impl<T: fmt::Debug + ?Sized> CountingObjects<T> {
    /// Makes objects on `inner`.
    pub fn new(inner: Arc<T>) -> Self {
        Self { inner, counter: Counter::default() }
    }

    /// Returns the calls since the last time.
    pub fn take(&self) -> Calls {
        self.counter.take()
    }
}

#[async_trait]
impl<T: ReadObjects + ?Sized> ReadObjects for CountingObjects<T> {
    async fn download(&self, key: &ObjectKey, range: ByteRange) -> Result<Download, StoreError> {
        self.counter.count("download");
        self.inner.download(key, range).await
    }

    async fn read(&self, key: &ObjectKey, range: ByteRange) -> Result<ByteStream, StoreError> {
        self.counter.count("read");
        self.inner.read(key, range).await
    }
}

#[async_trait]
impl<T: WriteObjects + ?Sized> WriteObjects for CountingObjects<T> {
    async fn put(&self, key: &ObjectKey, body: ByteStream) -> Result<u64, PutError> {
        self.counter.count("put");
        self.inner.put(key, body).await
    }

    async fn begin_multipart(&self, key: &ObjectKey) -> Result<MultipartId, StoreError> {
        self.counter.count("begin_multipart");
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
        self.counter.count("put_part");
        self.inner.put_part(key, multipart, number, offset, body).await
    }

    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
        parts: &[PartTag],
        size: u64,
    ) -> Result<(), StoreError> {
        self.counter.count("complete_multipart");
        self.inner.complete_multipart(key, multipart, parts, size).await
    }

    async fn abort_multipart(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
    ) -> Result<(), StoreError> {
        self.counter.count("abort_multipart");
        self.inner.abort_multipart(key, multipart).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.counter.count("delete");
        self.inner.delete(key).await
    }
}
