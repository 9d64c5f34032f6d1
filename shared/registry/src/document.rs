//! Documents of items, as JSON.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ports::{Attributes, Condition, Item, Key, Operation, StoreError, StoreErrorKind};

/// Writes a document.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Bytes, StoreError> {
    let text = serde_json::to_vec(value);
    text.map(Bytes::from).map_err(|error| StoreError::new(StoreErrorKind::Internal, error))
}

/// Reads an item's document.
pub(crate) fn decode<T: DeserializeOwned>(item: &Item) -> Result<T, StoreError> {
    serde_json::from_slice(&item.document)
        .map_err(|error| StoreError::new(StoreErrorKind::Damaged, error))
}

/// Makes the operation that writes an item without attributes.
pub(crate) fn put(
    key: Key,
    document: Bytes,
    first_version: u64,
    condition: Condition,
) -> Operation {
    Operation::Put { key, document, attributes: Attributes::new(), first_version, condition }
}
