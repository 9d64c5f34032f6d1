use std::sync::Mutex;

use berth_contract::{Around, TableAround};
use berth_registry::ports::StoreError;
use futures_util::future::BoxFuture;

/// Does something before one of the calls of a method, as another process would.
pub struct Meddler {
    method: &'static str,
    /// How many calls of the method come before, and what is done then.
    plan: Mutex<(usize, Option<BoxFuture<'static, ()>>)>,
}

impl Meddler {
    /// Does `what` before the call of `method` that comes after `calls` others.
    pub fn before(
        method: &'static str,
        calls: usize,
        what: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        Self { method, plan: Mutex::new((calls, Some(Box::pin(what)))) }
    }

    fn due(&self, method: &str) -> Option<BoxFuture<'static, ()>> {
        let mut plan = self.plan.lock().unwrap();
        match &mut *plan {
            (0, what) if method == self.method => what.take(),
            (calls, _) if method == self.method => {
                *calls -= 1;
                None
            }
            _ => None,
        }
    }
}

impl std::fmt::Debug for Meddler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meddler").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        let is_done = self.plan.lock().is_ok_and(|plan| plan.1.is_none());
        assert!(is_done || std::thread::panicking(), "`{}` was called too seldom", self.method);
    }
}

impl Around for Meddler {
    async fn around<T, E>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, E>
    where
        T: Send,
        E: From<StoreError> + Send,
    {
        if let Some(what) = self.due(name) {
            what.await;
        }
        call.await
    }
}

/// A table that another process changes between two calls.
pub type MeddledTable = TableAround<Meddler>;
