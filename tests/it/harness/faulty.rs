//! A table and objects one of whose calls fails.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use berth_registry::ports::{
    ByteRange, ByteStream, Consistency, Download, Item, Key, MultipartId, ObjectKey, Operation,
    Page, PartTag, PutError, Query, ReadObjects, ReadTable, StoreError, StoreErrorKind,
    TransactError, WriteObjects, WriteTable,
};

/// When a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fails {
    /// Before it is carried out: nothing is done.
    Before,
    /// After it was carried out: the answer is lost.
    After,
}

/// Which call fails, counted from 0, and how.
#[derive(Debug, Default)]
struct Plan(Mutex<Option<(usize, Fails, StoreErrorKind)>>);

impl Plan {
    fn set(&self, plan: Option<(usize, Fails, StoreErrorKind)>) -> bool {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *current, plan).is_some()
    }

    /// Counts a call, and says how it fails, if it does.
    fn count(&self) -> Option<(Fails, StoreErrorKind)> {
        let mut plan = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match plan.as_mut()? {
            (0, fails, kind) => {
                let failure = (*fails, *kind);
                *plan = None;
                Some(failure)
            }
            (calls, ..) => {
                *calls -= 1;
                None
            }
        }
    }

    async fn run<T, E: From<StoreError>>(
        &self,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let error = |kind| StoreError::new(kind, "a failure made by a test").into();
        match self.count() {
            None => call.await,
            Some((Fails::Before, kind)) => Err(error(kind)),
            Some((Fails::After, kind)) => {
                call.await?;
                Err(error(kind))
            }
        }
    }
}

/// A table one of whose calls fails.
#[derive(Debug)]
pub struct FaultyTable {
    inner: Arc<dyn WriteTable>,
    plan: Plan,
}

/// Objects one of whose calls fails.
#[derive(Debug)]
pub struct FaultyObjects {
    inner: Arc<dyn WriteObjects>,
    plan: Plan,
}

impl FaultyTable {
    pub fn new(inner: &Arc<dyn WriteTable>) -> Arc<Self> {
        Arc::new(Self { inner: Arc::clone(inner), plan: Plan::default() })
    }

    /// Lets the call after the next `calls` fail.
    pub fn fail_after(&self, calls: usize, fails: Fails, kind: StoreErrorKind) {
        self.plan.set(Some((calls, fails, kind)));
    }

    /// Lets no call fail; returns whether one was still to fail.
    pub fn heal(&self) -> bool {
        self.plan.set(None)
    }
}

impl FaultyObjects {
    pub fn new(inner: &Arc<dyn WriteObjects>) -> Arc<Self> {
        Arc::new(Self { inner: Arc::clone(inner), plan: Plan::default() })
    }

    /// Lets the call after the next `calls` fail.
    pub fn fail_after(&self, calls: usize, fails: Fails, kind: StoreErrorKind) {
        self.plan.set(Some((calls, fails, kind)));
    }

    /// Lets no call fail; returns whether one was still to fail.
    pub fn heal(&self) -> bool {
        self.plan.set(None)
    }
}

#[async_trait]
impl ReadTable for FaultyTable {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, StoreError> {
        self.plan.run(self.inner.get(key, consistency)).await
    }

    async fn batch_get(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, StoreError> {
        self.plan.run(self.inner.batch_get(keys, consistency)).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.plan.run(self.inner.query(query)).await
    }
}

#[async_trait]
impl WriteTable for FaultyTable {
    async fn transact(&self, operations: Vec<Operation>) -> Result<(), TransactError> {
        self.plan.run(self.inner.transact(operations)).await
    }
}

#[async_trait]
impl ReadObjects for FaultyObjects {
    async fn download(&self, key: &ObjectKey, range: ByteRange) -> Result<Download, StoreError> {
        self.plan.run(self.inner.download(key, range)).await
    }

    async fn read(&self, key: &ObjectKey, range: ByteRange) -> Result<ByteStream, StoreError> {
        self.plan.run(self.inner.read(key, range)).await
    }
}

#[async_trait]
impl WriteObjects for FaultyObjects {
    async fn put(&self, key: &ObjectKey, body: ByteStream) -> Result<u64, PutError> {
        self.plan.run(self.inner.put(key, body)).await
    }

    async fn begin_multipart(&self, key: &ObjectKey) -> Result<MultipartId, StoreError> {
        self.plan.run(self.inner.begin_multipart(key)).await
    }

    async fn put_part(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
        number: u32,
        offset: u64,
        body: ByteStream,
    ) -> Result<PartTag, PutError> {
        self.plan.run(self.inner.put_part(key, multipart, number, offset, body)).await
    }

    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
        parts: &[PartTag],
        size: u64,
    ) -> Result<(), StoreError> {
        self.plan.run(self.inner.complete_multipart(key, multipart, parts, size)).await
    }

    async fn abort_multipart(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
    ) -> Result<(), StoreError> {
        self.plan.run(self.inner.abort_multipart(key, multipart)).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.plan.run(self.inner.delete(key)).await
    }
}
