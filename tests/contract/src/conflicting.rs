use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use berth_registry::ports::{
    Consistency, Item, Key, Operation, Page, Query, ReadTable, StoreError, TransactError,
    WriteTable,
};

/// A table that refuses, as DynamoDB does, every transaction that has an operation on a key of
/// another one in flight, be it a mere check.
///
/// Each transaction holds its keys for some time before it is carried out, so that those that a
/// test sends together do meet. The time is Tokio's: a test that pauses it does not wait.
#[derive(Debug)]
pub struct ConflictingTable<T: ?Sized = dyn WriteTable> {
    inner: Arc<T>,
    hold: Duration,
    held: Mutex<HashSet<Key>>,
    conflicts: AtomicUsize,
}

impl<T: WriteTable + ?Sized> ConflictingTable<T> {
    /// Makes a table on `inner` whose transactions hold their keys for `hold` at least.
    pub fn new(inner: Arc<T>, hold: Duration) -> Self {
        Self { inner, hold, held: Mutex::default(), conflicts: AtomicUsize::new(0) }
    }

    /// Returns how many transactions met a conflict.
    pub fn conflicts(&self) -> usize {
        self.conflicts.load(Ordering::SeqCst)
    }

    fn held(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the keys of `operations`, unless one is taken.
    fn hold(&self, operations: &[Operation]) -> Result<Hold<'_, T>, TransactError> {
        let mut held = self.held();
        if operations.iter().any(|operation| held.contains(operation.key())) {
            self.conflicts.fetch_add(1, Ordering::SeqCst);
            return Err(TransactError::Conflict);
        }
        let keys: Vec<_> = operations.iter().map(|operation| operation.key().clone()).collect();
        held.extend(keys.iter().cloned());
        Ok(Hold { table: self, keys })
    }
}

/// Keys that a transaction holds, until it is dropped.
struct Hold<'a, T: WriteTable + ?Sized> {
    table: &'a ConflictingTable<T>,
    keys: Vec<Key>,
}

impl<T: WriteTable + ?Sized> Drop for Hold<'_, T> {
    fn drop(&mut self) {
        let mut held = self.table.held();
        for key in &self.keys {
            held.remove(key);
        }
    }
}

#[async_trait]
impl<T: WriteTable + ?Sized> ReadTable for ConflictingTable<T> {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, StoreError> {
        self.inner.get(key, consistency).await
    }

    async fn batch_get(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, StoreError> {
        self.inner.batch_get(keys, consistency).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.inner.query(query).await
    }
}

#[async_trait]
impl<T: WriteTable + ?Sized> WriteTable for ConflictingTable<T> {
    async fn transact(&self, operations: Vec<Operation>) -> Result<(), TransactError> {
        let _hold = self.hold(&operations)?;
        tokio::time::sleep(self.hold).await;
        self.inner.transact(operations).await
    }
}
