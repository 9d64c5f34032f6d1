use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex as Lock, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::Mutex;

use crate::ports::{
    Attributes, Condition, Consistency, Counters, DeleteObjects, Item, Key, MultipartId, ObjectKey,
    Operation, Page, Query, ReadTable, Select, StoreError, TransactError, WriteTable,
};

/// A table whose changes stay in memory: what it is made on is read, and never written.
///
/// It holds all that was changed.
#[derive(Debug)]
pub struct RehearsalTable {
    base: Arc<dyn ReadTable>,
    /// Items that were written, and `None` for those that were deleted.
    changed: Mutex<BTreeMap<Key, Option<Item>>>,
}

impl RehearsalTable {
    /// Puts it on `base`, which nobody else changes meanwhile.
    #[must_use]
    pub fn new(base: Arc<dyn ReadTable>) -> Self {
        Self { base, changed: Mutex::default() }
    }

    /// Puts what was changed in place of what `base` has.
    async fn merge(
        &self,
        changed: &BTreeMap<Key, Option<Item>>,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, StoreError> {
        let items = self.base.batch_get(keys, consistency).await?;
        let merged = keys.iter().zip(items);
        Ok(merged.map(|(key, item)| changed.get(key).cloned().unwrap_or(item)).collect())
    }
}

#[async_trait]
impl ReadTable for RehearsalTable {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, StoreError> {
        match self.changed.lock().await.get(key) {
            Some(item) => Ok(item.clone()),
            None => self.base.get(key, consistency).await,
        }
    }

    async fn batch_get(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, StoreError> {
        let changed = self.changed.lock().await;
        self.merge(&changed, keys, consistency).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        let changed = self.changed.lock().await;
        let Page { items, next } = self.base.query(query).await?;
        let mut merged: BTreeMap<_, _> =
            items.into_iter().map(|item| (item.key.sort.clone(), item)).collect();
        // What was changed between the begin of the page and its end.
        let key = |sort: &str| Key { partition: query.partition.clone(), sort: sort.to_owned() };
        let begin = match &query.after {
            Some(after) => Bound::Excluded(key(after)),
            None => Bound::Included(key("")),
        };
        for (key, item) in changed.range((begin, Bound::Unbounded)) {
            let is_behind = next.as_ref().is_some_and(|next| key.sort > *next);
            if key.partition != query.partition || is_behind {
                break;
            }
            match item {
                Some(item) if key.sort.starts_with(&query.prefix) => {
                    merged.insert(key.sort.clone(), selected(item, query.select));
                }
                _ => drop(merged.remove(&key.sort)),
            }
        }
        let is_longer = merged.len() > query.limit;
        let items: Vec<_> = merged.into_values().take(query.limit).collect();
        let last = items.last().filter(|_| is_longer).map(|item| item.key.sort.clone());
        Ok(Page { items, next: last.or(next) })
    }
}

#[async_trait]
impl WriteTable for RehearsalTable {
    async fn transact(&self, operations: Vec<Operation>) -> Result<(), TransactError> {
        TransactError::check_form(&operations)?;
        let mut changed = self.changed.lock().await;
        let keys: Vec<_> = operations.iter().map(|operation| operation.key().clone()).collect();
        let items = self.merge(&changed, &keys, Consistency::Strong).await?;
        let pairs = operations.iter().zip(&items).enumerate();
        let failed: Vec<_> = pairs
            .filter(|(_, (operation, item))| !holds(operation, item.as_ref()))
            .map(|(position, _)| position)
            .collect();
        if !failed.is_empty() {
            return Err(TransactError::Conditions(failed));
        }
        for ((operation, item), key) in operations.into_iter().zip(items).zip(keys) {
            if !matches!(operation, Operation::Check { .. }) {
                changed.insert(key, carried_out(operation, item));
            }
        }
        Ok(())
    }
}

/// Returns what a query returns of an item.
fn selected(item: &Item, select: Select) -> Item {
    match select {
        Select::Items => item.clone(),
        Select::Keys => Item {
            key: item.key.clone(),
            document: Bytes::new(),
            version: 0,
            attributes: Attributes::new(),
            counters: Counters::new(),
        },
    }
}

/// Whether an operation may be carried out.
fn holds(operation: &Operation, item: Option<&Item>) -> bool {
    let has_what_it_adds_to = item.is_some() || !matches!(operation, Operation::Add { .. });
    has_what_it_adds_to
        && match operation.condition() {
            Condition::Any => true,
            Condition::Absent => item.is_none(),
            Condition::Present => item.is_some(),
            Condition::Version(version) => item.is_some_and(|item| item.version == *version),
            Condition::Attribute { name, value } => {
                item.is_some_and(|item| item.attributes.get(*name) == Some(value))
            }
        }
}

/// Returns what an operation makes of an item.
fn carried_out(operation: Operation, item: Option<Item>) -> Option<Item> {
    match operation {
        Operation::Put { key, document, attributes, first_version, .. } => {
            let (version, counters) = match item {
                Some(item) => (item.version + 1, item.counters),
                None => (first_version, Counters::new()),
            };
            Some(Item { key, document, version, attributes, counters })
        }
        Operation::Add { counters, .. } => item.map(|mut item| {
            item.version += 1;
            for (name, amount) in counters {
                *item.counters.entry(name.to_owned()).or_default() += amount;
            }
            item
        }),
        Operation::Delete { .. } => None,
        Operation::Check { .. } => item,
    }
}

/// Takes note of what is deleted, and deletes nothing.
#[derive(Debug, Default)]
pub(super) struct RehearsalObjects {
    deleted: Lock<BTreeSet<ObjectKey>>,
    aborted: Lock<BTreeSet<(ObjectKey, String)>>,
}

impl RehearsalObjects {
    /// Returns the objects that were deleted, whether they were there or not.
    pub(super) fn deleted(&self) -> BTreeSet<ObjectKey> {
        self.deleted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns how many begun objects were given up.
    pub(super) fn aborted(&self) -> usize {
        self.aborted.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

#[async_trait]
impl DeleteObjects for RehearsalObjects {
    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.deleted.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        Ok(())
    }

    async fn abort_multipart(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
    ) -> Result<(), StoreError> {
        let aborted = (key.clone(), multipart.0.clone());
        self.aborted.lock().unwrap_or_else(PoisonError::into_inner).insert(aborted);
        Ok(())
    }
}
