//! Queues, in the table's SQLite file.
//!
//! A message is an item of the table, in a partition of its queue:
//!
//! | partition | sort key | document | attributes |
//! |---|---|---|---|
//! | `queue/NAME` | `DUE/ID/NONCE` | body | `received`: how many times it was; `reason` |
//!
//! DUE is the moment at which it can be received, in milliseconds of 20 digits, so that the first
//! items are those to receive. To receive or to hide a message moves it to another moment, in one
//! transaction, which only one of two receivers wins. The sort key is the receipt: by an old one
//! nothing is found. The table's syncs make messages durable, and many share one.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use berth_registry::ports::{
    Attributes, Clock, Condition, Consistency, Item, Key, LARGEST_MESSAGE, MOST_OPERATIONS,
    MOST_RECEIVED, Message, NewMessage, Operation, Query, ReadTable as _, Receipt, Receive,
    ReceiveMessages, Select, SendMessages, StoreError, StoreErrorKind, Timestamp, TransactError,
    WriteTable as _,
};
use bytes::Bytes;
use tokio::time::Instant;
use uuid::Uuid;

use crate::SqliteTable;

/// How often one who waits for a message looks.
const LOOK: Duration = Duration::from_millis(250);

/// How often a message was received. It is no counter, since those stay behind when it moves.
const RECEIVED: &str = "received";

/// Why a message was set aside.
const REASON: &str = "reason";

/// Where messages go that were received too often.
#[derive(Clone, Debug)]
struct DeadLetters {
    most_received: u32,
    queue: String,
}

/// One queue. What is sent by one value of a name is received by all others of it.
#[derive(Clone, Debug)]
pub struct SqliteQueue {
    table: Arc<SqliteTable>,
    name: String,
    clock: Arc<dyn Clock>,
    dead_letters: Option<DeadLetters>,
}

impl SqliteQueue {
    /// Makes the queue `name` of `table`.
    #[must_use]
    pub fn new(table: Arc<SqliteTable>, name: &str, clock: Arc<dyn Clock>) -> Self {
        Self { table, name: name.to_owned(), clock, dead_letters: None }
    }

    /// Moves a message that was received `most_received` times, and comes again, to the queue
    /// `dead_letters`.
    #[must_use]
    pub fn with_dead_letters(self, most_received: u32, dead_letters: &str) -> Self {
        let dead_letters = DeadLetters { most_received, queue: dead_letters.to_owned() };
        Self { dead_letters: Some(dead_letters), ..self }
    }

    /// Receives what is due now.
    async fn take(&self, receive: Receive) -> Result<Vec<Message>, StoreError> {
        let now = self.clock.now();
        let query = Query {
            partition: partition(&self.name),
            prefix: String::new(),
            after: None,
            limit: receive.most.clamp(1, MOST_RECEIVED),
            consistency: Consistency::Strong,
            select: Select::Items,
        };
        let mut messages = Vec::new();
        for item in self.table.query(&query).await?.items {
            if !is_due(&item.key, now)? {
                break;
            }
            let received = received(&item)?.saturating_add(1);
            let id = id(&item.key)?.to_owned();
            let dead = self.dead_letters.as_ref().filter(|dead| received > dead.most_received);
            let queue = dead.map_or(&self.name, |dead| &dead.queue);
            let (due, received) = match dead {
                Some(_) => (now, 0),
                None => (now.plus(receive.hidden), received),
            };
            let key = new_key(queue, due, &id);
            let (body, reason) = (text(&item)?, item.attributes.get(REASON).cloned());
            // Another one may have received it first.
            if self.relocate(item, &key, received).await? && dead.is_none() {
                let receipt = Receipt(key.sort);
                messages.push(Message { id, body, reason, receipt, received });
            }
        }
        Ok(messages)
    }

    /// Moves a message; returns `false` if it is not there any more.
    async fn relocate(&self, item: Item, key: &Key, received: u32) -> Result<bool, StoreError> {
        let delete = Operation::Delete { key: item.key, condition: Condition::Present };
        let reason = item.attributes.get(REASON).cloned();
        let put = put(key.clone(), item.document, received, reason);
        match self.table.transact(vec![delete, put]).await {
            Ok(()) => Ok(true),
            Err(TransactError::Conditions(_) | TransactError::Conflict) => Ok(false),
            Err(TransactError::Store(error)) => Err(error),
        }
    }

    fn key(&self, receipt: &Receipt) -> Key {
        Key { partition: partition(&self.name), sort: receipt.0.clone() }
    }
}

#[async_trait]
impl SendMessages for SqliteQueue {
    async fn send(&self, messages: &[NewMessage]) -> Result<(), StoreError> {
        if let Some(large) = messages.iter().find(|message| message.body.len() > LARGEST_MESSAGE) {
            let bytes = large.body.len();
            let text = format!("a message has {bytes} bytes, expected at most {LARGEST_MESSAGE}");
            return Err(StoreError::new(StoreErrorKind::Internal, text));
        }
        let now = self.clock.now();
        for messages in messages.chunks(MOST_OPERATIONS) {
            let puts = messages.iter().map(|message| {
                let body = Bytes::copy_from_slice(message.body.as_bytes());
                let key = new_key(&self.name, now.plus(message.delay), &Uuid::new_v4().to_string());
                put(key, body, 0, message.reason.clone())
            });
            self.table.transact(puts.collect()).await.map_err(failure)?;
        }
        Ok(())
    }
}

#[async_trait]
impl ReceiveMessages for SqliteQueue {
    async fn receive(&self, receive: Receive) -> Result<Vec<Message>, StoreError> {
        let end = Instant::now() + receive.wait;
        loop {
            let messages = self.take(receive).await?;
            if !messages.is_empty() || Instant::now() >= end {
                return Ok(messages);
            }
            tokio::time::sleep_until(end.min(Instant::now() + LOOK)).await;
        }
    }

    async fn acknowledge(&self, receipt: &Receipt) -> Result<(), StoreError> {
        let delete = Operation::Delete { key: self.key(receipt), condition: Condition::Any };
        self.table.transact(vec![delete]).await.map_err(failure)
    }

    async fn hide(&self, receipt: &Receipt, time: Duration) -> Result<Receipt, StoreError> {
        let gone = || StoreError::new(StoreErrorKind::NotFound, "the message is gone");
        let found = self.table.get(&self.key(receipt), Consistency::Strong).await?;
        let item = found.ok_or_else(gone)?;
        let received = received(&item)?;
        let key = new_key(&self.name, self.clock.now().plus(time), id(&item.key)?);
        let moved = self.relocate(item, &key, received).await?;
        if moved { Ok(Receipt(key.sort)) } else { Err(gone()) }
    }
}

fn partition(queue: &str) -> String {
    format!("queue/{queue}")
}

/// Makes a key that no message had, so that an old receipt finds nothing.
fn new_key(queue: &str, due: Timestamp, id: &str) -> Key {
    let sort = format!("{:020}/{id}/{}", due.millis(), Uuid::new_v4());
    Key { partition: partition(queue), sort }
}

fn is_due(key: &Key, now: Timestamp) -> Result<bool, StoreError> {
    let due = key.sort.split('/').next().and_then(|due| due.parse().ok());
    due.map(|due: u64| due <= now.millis()).ok_or_else(damaged)
}

fn id(key: &Key) -> Result<&str, StoreError> {
    key.sort.split('/').nth(1).ok_or_else(damaged)
}

fn put(key: Key, document: Bytes, received: u32, reason: Option<String>) -> Operation {
    let received = (RECEIVED.to_owned(), received.to_string());
    let mut attributes = Attributes::from([received]);
    attributes.extend(reason.map(|reason| (REASON.to_owned(), reason)));
    let (first_version, condition) = (1, Condition::Absent);
    Operation::Put { key, document, attributes, first_version, condition }
}

fn received(item: &Item) -> Result<u32, StoreError> {
    let count = item.attributes.get(RECEIVED).and_then(|count| count.parse().ok());
    count.ok_or_else(damaged)
}

fn text(item: &Item) -> Result<String, StoreError> {
    String::from_utf8(item.document.to_vec()).map_err(|_| damaged())
}

fn damaged() -> StoreError {
    StoreError::new(StoreErrorKind::Damaged, "a message of a queue can't be read")
}

fn failure(error: TransactError) -> StoreError {
    match error {
        TransactError::Store(error) => error,
        error => StoreError::new(StoreErrorKind::Internal, error),
    }
}
