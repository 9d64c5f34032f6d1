//! A table and objects one of whose calls fails.

use std::sync::{Arc, Mutex, PoisonError};

use berth_contract::{Around, ObjectsAround, TableAround};
use berth_registry::ports::{StoreError, StoreErrorKind};

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
pub struct Plan(Mutex<Option<(usize, Fails, StoreErrorKind)>>);

impl Plan {
    /// Lets the call after the next `calls` fail.
    pub fn fail_after(&self, calls: usize, fails: Fails, kind: StoreErrorKind) {
        self.set(Some((calls, fails, kind)));
    }

    /// Lets no call fail; returns whether one was still to fail.
    pub fn heal(&self) -> bool {
        self.set(None)
    }

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
}

impl Around for Plan {
    async fn around<T, E>(
        &self,
        _name: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: From<StoreError> + Send,
    {
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

/// A plan for several ports together: their calls are counted as they come.
#[derive(Clone, Debug, Default)]
pub struct SharedPlan(pub Arc<Plan>);

impl Around for SharedPlan {
    async fn around<T, E>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: From<StoreError> + Send,
    {
        self.0.around(name, call).await
    }
}

/// A table one of whose calls fails.
pub type FaultyTable = TableAround<Plan>;

/// Objects one of whose calls fails.
pub type FaultyObjects = ObjectsAround<Plan>;
