//! Queues, in the table's SQLite file.
//!
//! A message is an item of the table, in a partition of its queue:
//!
//! | partition | sort key | document | attributes |
//! |---|---|---|---|
//! | `queue/NAME` | `DUE/ID/NONCE` | body | `received`: how many times it was; `reason`; `taken`, `cut-off` |
//!
//! DUE is the moment at which it can be received, in milliseconds of 20 digits, so that the first
//! items are those to receive. To receive or to hide a message moves it to another moment, in one
//! transaction, which only one of two receivers wins. The sort key is the receipt: by an old one
//! nothing is found. The table's syncs make messages durable, and many share one.
//!
//! A data folder belongs to one process. So what a receiver has when the process ends, nobody works
//! on any more: the process that comes next makes it due at once ([`SqliteQueue::recover`]).

use std::pin::pin;
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
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use crate::SqliteTable;

/// How often one who waits looks whether a message became due. Of one that is sent it hears at once.
const LOOK: Duration = Duration::from_millis(500);

/// How long a message may be hidden at most, as in SQS.
const LONGEST_HIDDEN: Duration = Duration::from_hours(12);

/// How often a message was received. It is no counter, since those stay behind when it moves.
const RECEIVED: &str = "received";

/// Why a message was set aside.
const REASON: &str = "reason";

/// That a receiver has the message.
const TAKEN: &str = "taken";

/// How often the process ended while a receiver had the message.
const CUT_OFF: &str = "cut-off";

/// How often the end of the process may cut a message's work off before that counts as a failure of
/// the work: it may be the cause.
const MOST_CUT_OFF: u32 = 200;

/// Where messages go that were received too often.
#[derive(Clone, Debug)]
struct DeadLetters {
    most_received: u32,
    queue: String,
}

/// What a message has besides its body.
#[derive(Clone, Debug)]
struct Envelope {
    received: u32,
    cut_off: u32,
    reason: Option<String>,
    is_taken: bool,
}

/// One queue. What is sent by one value of a name is received by all others of it.
#[derive(Clone, Debug)]
pub struct SqliteQueue {
    table: Arc<SqliteTable>,
    name: String,
    clock: Arc<dyn Clock>,
    dead_letters: Option<DeadLetters>,
    /// Wakes those who wait for a message.
    sent: Arc<Notify>,
}

impl SqliteQueue {
    /// Makes the queue `name` of `table`.
    #[must_use]
    pub fn new(table: Arc<SqliteTable>, name: &str, clock: Arc<dyn Clock>) -> Self {
        let sent = table.signal(name);
        Self { table, name: name.to_owned(), clock, dead_letters: None, sent }
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
            let (id, body, envelope) =
                (id(&item.key)?.to_owned(), text(&item)?, Envelope::of(&item)?);
            let (received, reason) = (envelope.received.saturating_add(1), envelope.reason.clone());
            let dead = self.dead_letters.as_ref().filter(|dead| received > dead.most_received);
            if let Some(dead) = dead {
                let key = new_key(&dead.queue, now, &id);
                let envelope = Envelope { received: 0, cut_off: 0, reason, is_taken: false };
                self.relocate(item, &key, &envelope).await?;
                continue;
            }
            let key = new_key(&self.name, now.plus(receive.hidden), &id);
            let envelope = Envelope { received, is_taken: true, ..envelope };
            // Another one may have received it first.
            if self.relocate(item, &key, &envelope).await? {
                let receipt = Receipt(key.sort);
                messages.push(Message { id, body, reason, receipt, received });
            }
        }
        Ok(messages)
    }

    /// Makes the messages that receivers had when the last process ended due at once, as if they
    /// had not been received, and returns how many there were. So it does with those that are due
    /// later than any can be: the clock was wrong then, and was put back. To be called before
    /// anybody receives.
    pub async fn recover(&self) -> Result<usize, StoreError> {
        let (mut recovered, mut after) = (0, None);
        let now = self.clock.now();
        loop {
            let query = Query {
                partition: partition(&self.name),
                prefix: String::new(),
                after,
                limit: MOST_OPERATIONS,
                consistency: Consistency::Strong,
                select: Select::Items,
            };
            let page = self.table.query(&query).await?;
            for item in page.items {
                let envelope = Envelope::of(&item)?;
                let is_lost = !is_due(&item.key, now.plus(LONGEST_HIDDEN))?;
                if envelope.is_taken || is_lost {
                    let key = new_key(&self.name, now, id(&item.key)?);
                    let envelope = if envelope.is_taken { envelope.cut_off() } else { envelope };
                    recovered += usize::from(self.relocate(item, &key, &envelope).await?);
                }
            }
            if page.next.is_none() {
                return Ok(recovered);
            }
            after = page.next;
        }
    }

    /// Moves a message; returns `false` if it is not there any more.
    async fn relocate(
        &self,
        item: Item,
        key: &Key,
        envelope: &Envelope,
    ) -> Result<bool, StoreError> {
        let delete = Operation::Delete { key: item.key, condition: Condition::Present };
        let put = envelope.put(key.clone(), item.document);
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
                let reason = message.reason.clone();
                Envelope { received: 0, cut_off: 0, reason, is_taken: false }.put(key, body)
            });
            self.table.transact(puts.collect()).await.map_err(failure)?;
            self.sent.notify_waiters();
        }
        Ok(())
    }
}

#[async_trait]
impl ReceiveMessages for SqliteQueue {
    async fn receive(&self, receive: Receive) -> Result<Vec<Message>, StoreError> {
        let end = Instant::now() + receive.wait;
        loop {
            let mut sent = pin!(self.sent.notified());
            sent.as_mut().enable();
            let messages = self.take(receive).await?;
            if !messages.is_empty() || Instant::now() >= end {
                return Ok(messages);
            }
            tokio::select! {
                () = sent => {}
                () = tokio::time::sleep_until(end.min(Instant::now() + LOOK)) => {}
            }
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
        let envelope = Envelope { is_taken: false, ..Envelope::of(&item)? };
        let key = new_key(&self.name, self.clock.now().plus(time), id(&item.key)?);
        let moved = self.relocate(item, &key, &envelope).await?;
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

impl Envelope {
    fn of(item: &Item) -> Result<Self, StoreError> {
        let number = |text: &String| text.parse().map_err(|_| damaged());
        Ok(Self {
            received: item.attributes.get(RECEIVED).ok_or_else(damaged).and_then(number)?,
            cut_off: item.attributes.get(CUT_OFF).map_or(Ok(0), number)?,
            reason: item.attributes.get(REASON).cloned(),
            is_taken: item.attributes.contains_key(TAKEN),
        })
    }

    /// Returns what becomes of a message that somebody had when the process ended.
    fn cut_off(self) -> Self {
        let counts = u32::from(self.cut_off < MOST_CUT_OFF);
        let (received, cut_off) = (self.received - counts.min(self.received), self.cut_off + 1);
        Self { received, cut_off, is_taken: false, ..self }
    }

    fn put(&self, key: Key, document: Bytes) -> Operation {
        let mut attributes = Attributes::from([(RECEIVED.to_owned(), self.received.to_string())]);
        let cut_off = (self.cut_off > 0).then(|| (CUT_OFF, self.cut_off.to_string()));
        let taken = self.is_taken.then(|| (TAKEN, "yes".to_owned()));
        let reason = self.reason.clone().map(|reason| (REASON, reason));
        let others = [cut_off, taken, reason].into_iter().flatten();
        attributes.extend(others.map(|(name, value)| (name.to_owned(), value)));
        let (first_version, condition) = (1, Condition::Absent);
        Operation::Put { key, document, attributes, first_version, condition }
    }
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
