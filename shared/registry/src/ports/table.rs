use std::collections::{BTreeMap, HashSet};
use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;

use super::{StoreError, StoreErrorKind};

/// The most operations that one transaction holds, as in DynamoDB.
pub const MOST_OPERATIONS: usize = 100;

/// The most bytes of an item's document. DynamoDB's items have 400 KB in all.
pub const LARGEST_DOCUMENT: usize = 300 * 1024;

/// Where an item lies: items of one partition are sorted by the bytes of `sort`.
///
/// Only the module `layout` makes keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Partition key (`pk`).
    pub partition: String,
    /// Sort key (`sk`).
    pub sort: String,
}

/// Small texts of an item that conditions can compare.
pub type Attributes = BTreeMap<String, String>;

/// Numbers of an item that operations can add to.
pub type Counters = BTreeMap<String, i64>;

/// One item of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Where it lies.
    pub key: Key,
    /// What it says; the table does not look inside. At most
    /// [`LARGEST_DOCUMENT`] bytes. Empty where a query
    /// selected keys alone.
    pub document: Bytes,
    /// Version: every operation that changes the item raises it by one. 0 where a query selected
    /// keys alone.
    pub version: u64,
    /// Attributes.
    pub attributes: Attributes,
    /// Counters; one that nothing was added to is absent, and counts as 0.
    pub counters: Counters,
}

impl Item {
    /// Returns the counter `name`.
    #[must_use]
    pub fn counter(&self, name: &str) -> i64 {
        self.counters.get(name).copied().unwrap_or(0)
    }
}

/// Whether a read must see every write that was answered before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consistency {
    /// It must.
    Strong,
    /// It may be a moment behind. Good only to prove that immutable bytes exist; a miss is
    /// repeated strongly.
    Eventual,
}

/// What a query returns of each item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    /// All of it.
    Items,
    /// Its key alone, which a store may find without the item; its version is 0, and its document,
    /// attributes and counters are empty.
    Keys,
}

/// A range of one partition, in ascending order of the sort key.
#[derive(Clone, Debug)]
pub struct Query {
    /// Partition to read.
    pub partition: String,
    /// Only sort keys that begin with this.
    pub prefix: String,
    /// Only sort keys greater than this, which itself need not exist.
    pub after: Option<String>,
    /// The most items to return; at least 1.
    pub limit: usize,
    /// Whether the answer must be up to date.
    pub consistency: Consistency,
    /// What to return of each item.
    pub select: Select,
}

/// Answer to a [`Query`].
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The items, in order. May be fewer than the limit though more follow.
    pub items: Vec<Item>,
    /// `after` of the query for the next page; `None` if nothing follows.
    pub next: Option<String>,
}

/// What must hold of the item under an operation's key, or the whole transaction fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Any,
    /// There is no item.
    Absent,
    /// There is an item.
    Present,
    /// There is an item of this version.
    Version(u64),
    /// There is an item whose attribute has this value.
    Attribute {
        /// Name of the attribute.
        name: &'static str,
        /// Its value.
        value: String,
    },
}

/// One operation of a transaction.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Makes the item, or replaces its document and attributes and leaves its counters.
    Put {
        /// Where.
        key: Key,
        /// New document.
        document: Bytes,
        /// New attributes.
        attributes: Attributes,
        /// Version of an item that is made; one that is replaced goes up by one. Callers pass the
        /// time, so that an item deleted and made anew never has an old version.
        first_version: u64,
        /// What must hold before.
        condition: Condition,
    },
    /// Adds to counters of an item that is there (else the condition fails), and raises its
    /// version; without counters it only raises the version.
    Add {
        /// Where.
        key: Key,
        /// Names and amounts, which may be negative.
        counters: Vec<(&'static str, i64)>,
        /// What must hold before.
        condition: Condition,
    },
    /// Deletes the item; one that is not there is no error.
    Delete {
        /// Where.
        key: Key,
        /// What must hold before.
        condition: Condition,
    },
    /// Changes nothing.
    Check {
        /// Where.
        key: Key,
        /// What must hold.
        condition: Condition,
    },
}

impl Operation {
    /// Returns the key.
    #[must_use]
    pub fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. }
            | Self::Add { key, .. }
            | Self::Delete { key, .. }
            | Self::Check { key, .. } => key,
        }
    }

    /// Returns the condition.
    #[must_use]
    pub fn condition(&self) -> &Condition {
        match self {
            Self::Put { condition, .. }
            | Self::Add { condition, .. }
            | Self::Delete { condition, .. }
            | Self::Check { condition, .. } => condition,
        }
    }
}

/// Error of [`WriteTable::transact`]; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum TransactError {
    /// Conditions did not hold, at these positions of the list, in ascending order.
    #[error("conditions failed at {0:?}")]
    Conditions(Vec<usize>),
    /// Another transaction holds one of the items; the same one may succeed a moment later.
    #[error("conflict with another transaction")]
    Conflict,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TransactError {
    /// Makes the error of a transaction that has more than [`MOST_OPERATIONS`], none, or two on
    /// one key.
    #[must_use]
    pub fn malformed(reason: &'static str) -> Self {
        Self::Store(StoreError::new(StoreErrorKind::Internal, reason))
    }

    /// Refuses a transaction that is [`malformed`](Self::malformed).
    pub fn check_form(operations: &[Operation]) -> Result<(), Self> {
        if operations.is_empty() {
            return Err(Self::malformed("transaction has no operations"));
        }
        if operations.len() > MOST_OPERATIONS {
            return Err(Self::malformed("transaction has more than 100 operations"));
        }
        let mut keys = HashSet::with_capacity(operations.len());
        if !operations.iter().all(|operation| keys.insert(operation.key())) {
            return Err(Self::malformed("transaction has two operations on one key"));
        }
        Ok(())
    }
}

/// Reads the registry's table.
///
/// Permissions: `dynamodb:GetItem`, `dynamodb:BatchGetItem`, `dynamodb:Query`.
#[async_trait]
pub trait ReadTable: fmt::Debug + Send + Sync {
    /// Returns the item under `key`, or `None`.
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, StoreError>;

    /// Returns the items under `keys`, each in the place of its key. The keys are distinct; more
    /// than 100 are read in several calls.
    async fn batch_get(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, StoreError>;

    /// Returns a page of a partition.
    async fn query(&self, query: &Query) -> Result<Page, StoreError>;
}

/// Changes the registry's table: all of the operations, or none of them.
///
/// Permissions: those of [`ReadTable`], and `dynamodb:UpdateItem`, `DeleteItem`,
/// `ConditionCheckItem`.
#[async_trait]
pub trait WriteTable: ReadTable {
    /// Carries out `operations`, 1 to [`MOST_OPERATIONS`], each on another key. When it returns
    /// `Ok`, they survive a crash.
    async fn transact(&self, operations: Vec<Operation>) -> Result<(), TransactError>;
}
