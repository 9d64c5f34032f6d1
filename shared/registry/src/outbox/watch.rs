use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::EventId;
use crate::ports::{
    Consistency, Item, Key, Operation, Page, Query, ReadTable, StoreError, TransactError,
    WriteTable,
};

/// The most events that wait to be heard of; of more, only that there are some is remembered.
const MOST_WAITING: usize = 4096;

/// A table that tells which events its transactions wrote.
///
/// Follows what a stream of the table does in DynamoDB, within one process.
#[derive(Debug)]
pub struct WatchedTable {
    table: Arc<dyn WriteTable>,
    written: mpsc::Sender<EventId>,
    missed: Arc<AtomicBool>,
}

/// Hears which events a [`WatchedTable`] wrote.
#[derive(Debug)]
pub struct WrittenEvents {
    written: mpsc::Receiver<EventId>,
    missed: Arc<AtomicBool>,
}

/// Events that were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// These.
    Events(Vec<EventId>),
    /// Too many to remember them: whoever wants them looks through the outbox.
    Many,
}

impl WatchedTable {
    /// Watches what is written to `table` by way of the returned one.
    #[must_use]
    pub fn new(table: Arc<dyn WriteTable>) -> (Self, WrittenEvents) {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        let missed = Arc::new(AtomicBool::new(false));
        let watched = Self { table, written: sender, missed: Arc::clone(&missed) };
        (watched, WrittenEvents { written: receiver, missed })
    }

    fn tell(&self, event: EventId) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.written.try_send(event) {
            self.missed.store(true, Ordering::Release);
        }
    }
}

impl WrittenEvents {
    /// Waits for events, and returns at most `most` of them; `None` when the table is gone.
    pub async fn next(&mut self, most: usize) -> Option<Written> {
        let mut events = Vec::new();
        if self.written.recv_many(&mut events, most).await == 0 {
            return None;
        }
        if self.missed.swap(false, Ordering::AcqRel) {
            return Some(Written::Many);
        }
        Some(Written::Events(events))
    }
}

/// Returns the event that an operation writes, if it writes one.
fn event(operation: &Operation) -> Option<EventId> {
    match operation {
        Operation::Put { key, .. } => EventId::of(key),
        Operation::Add { .. } | Operation::Delete { .. } | Operation::Check { .. } => None,
    }
}

#[async_trait]
impl ReadTable for WatchedTable {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, StoreError> {
        self.table.get(key, consistency).await
    }

    async fn batch_get(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, StoreError> {
        self.table.batch_get(keys, consistency).await
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.table.query(query).await
    }
}

#[async_trait]
impl WriteTable for WatchedTable {
    async fn transact(&self, operations: Vec<Operation>) -> Result<(), TransactError> {
        let events: Vec<_> = operations.iter().filter_map(event).collect();
        self.table.transact(operations).await?;
        for event in events {
            self.tell(event);
        }
        Ok(())
    }
}
