use std::sync::{Arc, Mutex, PoisonError};

use berth_registry::ports::{StoreError, StoreErrorKind, WriteObjects, WriteTable};

use crate::around::{Around, ObjectsAround, TableAround};

/// Lets the next calls fail, so that they do nothing.
#[derive(Debug)]
pub struct Failures(Mutex<(usize, StoreErrorKind)>);

impl Failures {
    fn new(calls: usize, kind: StoreErrorKind) -> Self {
        Self(Mutex::new((calls, kind)))
    }

    /// Lets the next `calls` fail, in place of those that were still to fail.
    pub fn fail_next(&self, calls: usize, kind: StoreErrorKind) {
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

impl Around for Failures {
    async fn around<T, E>(
        &self,
        _name: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: From<StoreError> + Send,
    {
        self.pass()?;
        call.await
    }
}

/// A table whose first calls fail, and do nothing.
pub type UnreliableTable = TableAround<Failures>;

/// Objects whose first calls fail, and do nothing.
pub type UnreliableObjects = ObjectsAround<Failures>;

impl UnreliableTable {
    /// Makes a table on `inner` whose first `calls` fail.
    pub fn new(inner: Arc<dyn WriteTable>, calls: usize, kind: StoreErrorKind) -> Self {
        Self::wrap(inner, Failures::new(calls, kind))
    }
}

impl UnreliableObjects {
    /// Makes objects on `inner` whose first `calls` fail.
    pub fn new(inner: Arc<dyn WriteObjects>, calls: usize, kind: StoreErrorKind) -> Self {
        Self::wrap(inner, Failures::new(calls, kind))
    }
}
