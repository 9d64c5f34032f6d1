use std::sync::Arc;

use async_trait::async_trait;
use berth_registry::ports::{
    Consistency, Item, Key, Operation, Page, Query, ReadTable, StoreError, TransactError,
    WriteTable,
};

/// A table whose pages have one item each, whatever the limit: a page of DynamoDB ends at a
/// megabyte.
#[derive(Debug)]
pub struct ShortPages(pub Arc<dyn WriteTable>);

#[async_trait]
impl ReadTable for ShortPages {
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
        self.0.query(&Query { limit: 1, ..query.clone() }).await
    }
}

#[async_trait]
impl WriteTable for ShortPages {
    async fn transact(&self, operations: Vec<Operation>) -> Result<(), TransactError> {
        self.0.transact(operations).await
    }
}
