//! Reading many items by their keys.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use berth_registry::ports::{Consistency, Item, Key, Select, StoreError, StoreErrorKind};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{DynamoTable, is_strong, item, unavailable};
use crate::backoff::Tries;
use crate::failure::store_error;

/// The most keys of one call, as DynamoDB has it.
const MOST_KEYS: usize = 100;

/// The most calls at a time.
const AT_A_TIME: usize = 4;

/// Returns the items under `keys`, each in the place of its key.
pub(super) async fn get(
    table: &DynamoTable,
    keys: &[Key],
    consistency: Consistency,
) -> Result<Vec<Option<Item>>, StoreError> {
    // Collected before, so that the stream holds no borrow of an iterator's closure.
    let calls: Vec<_> =
        keys.chunks(MOST_KEYS).map(|keys| get_some(table, keys, consistency)).collect();
    let found: Vec<_> = stream::iter(calls).buffer_unordered(AT_A_TIME).try_collect().await?;
    let items = found.into_iter().flatten().map(|item| (item.key.clone(), item));
    let mut items: HashMap<Key, Item> = items.collect();
    Ok(keys.iter().map(|key| items.remove(key)).collect())
}

/// Reads up to [`MOST_KEYS`]. DynamoDB answers with 16 MB at most, and with less when it is
/// throttled; the rest is asked for again.
async fn get_some(
    table: &DynamoTable,
    keys: &[Key],
    consistency: Consistency,
) -> Result<Vec<Item>, StoreError> {
    let asked = KeysAndAttributes::builder()
        .set_keys(Some(keys.iter().map(item::key).collect()))
        .consistent_read(is_strong(consistency))
        .build()
        .map_err(|error| StoreError::new(StoreErrorKind::Internal, error))?;
    let mut missing = Some(HashMap::from([(table.name.clone(), asked)]));
    let mut found = Vec::with_capacity(keys.len());
    let mut tries = Tries::default();
    loop {
        let request = table.client.batch_get_item().set_request_items(missing);
        let answer = request.send().await.map_err(store_error)?;
        for values in answer.responses.unwrap_or_default().into_values().flatten() {
            found.push(item::parse(values, Select::Items)?);
        }
        missing = answer.unprocessed_keys.filter(|missing| !missing.is_empty());
        if missing.is_none() {
            return Ok(found);
        }
        if tries.next().await.is_none() {
            return Err(unavailable("reads are throttled"));
        }
    }
}
