use std::sync::{Arc, Mutex, PoisonError};

use berth_registry::ports::{StoreError, WriteObjects, WriteTable};

use crate::around::{Around, ObjectsAround, TableAround};

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

/// Counts calls.
#[derive(Debug, Default)]
pub struct Counter {
    calls: Mutex<Calls>,
    smallest_part: Option<u64>,
}

impl Counter {
    /// Returns the calls since the last time.
    pub fn take(&self) -> Calls {
        std::mem::take(&mut *self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn count(&self, name: &'static str) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).0.push(name);
    }
}

impl Around for Counter {
    async fn around<T, E>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: From<StoreError> + Send,
    {
        self.count(name);
        call.await
    }

    fn batch(&self, keys: usize) {
        let calls = keys.div_ceil(KEYS_PER_CALL);
        (1..calls).for_each(|_| self.count("batch_get"));
    }

    fn smallest_part(&self, inner: u64) -> u64 {
        self.smallest_part.unwrap_or(inner)
    }
}

/// A table that counts calls.
pub type CountingTable = TableAround<Counter>;

/// Objects that count calls.
pub type CountingObjects = ObjectsAround<Counter>;

impl CountingTable {
    /// Makes a table on `inner`.
    pub fn new(inner: Arc<dyn WriteTable>) -> Self {
        Self::wrap(inner, Counter::default())
    }
}

impl CountingObjects {
    /// Makes objects on `inner`.
    pub fn new(inner: Arc<dyn WriteObjects>) -> Self {
        Self::wrap(inner, Counter::default())
    }

    /// Makes objects on `inner` whose parts have `smallest_part` bytes at least, as S3's have.
    pub fn with_smallest_part(inner: Arc<dyn WriteObjects>, smallest_part: u64) -> Self {
        let smallest_part = Some(smallest_part);
        Self::wrap(inner, Counter { calls: Mutex::default(), smallest_part })
    }
}
