use std::sync::Arc;

use async_trait::async_trait;
use berth_registry::ports::{
    Consistency, Item, Key, Operation, Page, Query, ReadTable, StoreError, StoreErrorKind,
    TransactError, WriteTable,
};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

/// A table during whose calls paused time stands still.
///
/// Tokio puts paused time forward when all tasks wait. It knows when one waits for a blocking
/// task, but not when one waits for the table's own thread.
#[derive(Debug)]
pub struct SteadyTable(pub Arc<dyn WriteTable>);

#[async_trait]
impl ReadTable for SteadyTable {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, StoreError> {
        self.0.get(key, consistency).await
    }

    async fn batch_get(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, StoreError> {
        self.0.batch_get(keys, consistency).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.0.query(query).await
    }
}

#[async_trait]
impl WriteTable for SteadyTable {
    async fn transact(&self, operations: Vec<Operation>) -> Result<(), TransactError> {
        let table = Arc::clone(&self.0);
        let work = spawn_blocking(move || Handle::current().block_on(table.transact(operations)));
        work.await.map_err(|error| StoreError::new(StoreErrorKind::Internal, error))?
    }
}
