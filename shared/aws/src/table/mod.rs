//! The table on DynamoDB.
//!
//! # Layout
//!
//! | attribute | type | |
//! |---|---|---|
//! | `pk` | S | partition key |
//! | `sk` | S | sort key; DynamoDB, too, sorts by the bytes of UTF-8 |
//! | `document` | B | what the registry keeps |
//! | `version` | N | goes up by one with each change |
//! | `attributes` | M of S | what conditions compare; each `Put` replaces the map |
//! | `counters` | M of N | what `Add` adds to; made with the item, and left alone by `Put` |
//!
//! All are there in each item. `Put` and `Add` are both an `Update`: it raises the version and
//! keeps the counters without a read.
//!
//! # Once, and only once
//!
//! An answer can be lost after DynamoDB has done what it was asked. Who then asks again by
//! `UpdateItem` or `DeleteItem` does it twice: a counter counts twice, an `Absent` meets the item
//! that the first try made, a late `Delete` takes what another one has put there since. To write a
//! mark of one's own and look for it does not help either: the next writer may have replaced it. So
//! even a single operation goes through `TransactWriteItems`, which remembers a token for ten
//! minutes: a try of a call that was carried out before succeeds, and changes nothing. The token
//! is the same for the SDK's tries and for ours. The price is two write units instead of one;
//! connections that broke while a function was frozen are too common for anything less.

mod batch;
mod item;
mod query;
mod refusal;
mod write;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use berth_registry::ports::{
    Consistency, Item, Key, Operation, Page, Query, ReadTable, Select, StoreError, StoreErrorKind,
    TransactError, WriteTable,
};
use uuid::Uuid;

use crate::backoff::Tries;
use crate::failure::store_error;
use refusal::Refusal;

/// The registry's table in DynamoDB.
///
/// What is throttled, or meets a lost connection, is tried again a few times, and is
/// [`Unavailable`](StoreErrorKind::Unavailable) then. Whether a transaction that is unavailable was
/// carried out nobody knows, but never twice.
#[derive(Clone, Debug)]
pub struct DynamoTable {
    client: Client,
    name: String,
}

impl DynamoTable {
    /// Makes the table `name`, whose key is `pk` and `sk`, both strings.
    #[must_use]
    pub fn new(client: Client, name: String) -> Self {
        Self { client, name }
    }
}

#[async_trait]
impl ReadTable for DynamoTable {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, StoreError> {
        let request = self.client.get_item().table_name(&self.name);
        let request = request.set_key(Some(item::key(key))).consistent_read(is_strong(consistency));
        let answer = request.send().await.map_err(store_error)?;
        answer.item.map(|values| item::parse(values, Select::Items)).transpose()
    }

    async fn batch_get(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, StoreError> {
        batch::get(self, keys, consistency).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        query::page(self, query).await
    }
}

#[async_trait]
impl WriteTable for DynamoTable {
    async fn transact(&self, operations: Vec<Operation>) -> Result<(), TransactError> {
        TransactError::check_form(&operations)?;
        let writes: Result<_, _> =
            operations.iter().map(|operation| write::write(&self.name, operation)).collect();
        let request = self
            .client
            .transact_write_items()
            .set_transact_items(Some(writes?))
            .client_request_token(Uuid::new_v4().to_string());
        let mut tries = Tries::default();
        loop {
            let Err(error) = request.clone().send().await else {
                return Ok(());
            };
            match Refusal::of(&error) {
                Some(Refusal::Conditions(positions)) => {
                    return Err(TransactError::Conditions(positions));
                }
                Some(Refusal::Conflict) => return Err(TransactError::Conflict),
                // The SDK tries again what is throttled as a whole, but not this.
                Some(Refusal::Throttled) => {
                    if tries.next().await.is_none() {
                        return Err(unavailable("transactions are throttled").into());
                    }
                }
                Some(Refusal::Invalid(reason)) => {
                    return Err(StoreError::new(StoreErrorKind::Internal, reason).into());
                }
                None => return Err(store_error(error).into()),
            }
        }
    }
}

fn is_strong(consistency: Consistency) -> bool {
    consistency == Consistency::Strong
}

fn unavailable(reason: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, reason)
}
