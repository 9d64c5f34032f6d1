use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;

/// The most bytes of a message's body, as in SQS.
pub const LARGEST_MESSAGE: usize = 1024 * 1024;

/// The most messages that one call receives, as in SQS.
pub const MOST_RECEIVED: usize = 10;

/// The most bytes of what says why a message was set aside.
pub const LONGEST_REASON: usize = 1024;

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage {
    /// What it says: text without control characters, at most [`LARGEST_MESSAGE`] bytes.
    pub body: String,
    /// How long nobody receives it: whole seconds (a fraction counts as one), at most 15 minutes.
    pub delay: Duration,
    /// Why it was set aside, if it is a dead letter: text as a body's, 1 to [`LONGEST_REASON`]
    /// bytes.
    pub reason: Option<String>,
}

impl NewMessage {
    /// Makes a message that can be received at once.
    #[must_use]
    pub fn new(body: String) -> Self {
        Self { body, delay: Duration::ZERO, reason: None }
    }
}

/// A message that was received. Nobody else receives it until its time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Names the message, however often it is received; another one in every queue.
    pub id: String,
    /// What it says.
    pub body: String,
    /// Why it was set aside, if whoever did so said why.
    pub reason: Option<String>,
    /// Names this receipt of it.
    pub receipt: Receipt,
    /// How many times it was received, this one included; about right.
    pub received: u32,
}

/// Names one receipt of a message, good until the message is received again or hidden.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receipt(pub String);

/// What to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receive {
    /// The most messages, 1 to [`MOST_RECEIVED`].
    pub most: usize,
    /// How long nobody else receives them: whole seconds (a fraction counts as one), at most 12
    /// hours. Long enough for the work; [`ReceiveMessages::hide`] prolongs it.
    pub hidden: Duration,
    /// How long to wait for a message if there is none: whole seconds, at most 20. Without it a
    /// message that is there may be missed.
    pub wait: Duration,
}

/// Sends jobs to one queue.
///
/// Permissions: `sqs:SendMessage`.
#[async_trait]
pub trait SendMessages: fmt::Debug + Send + Sync {
    /// Sends all of `messages`, any number. When it returns `Ok`, they survive a crash. If it
    /// fails, some of them may have been sent, and a message may be sent twice.
    async fn send(&self, messages: &[NewMessage]) -> Result<(), StoreError>;
}

/// Receives jobs from one queue: each message at least once, in no order.
///
/// A message that was received a number of times and never acknowledged goes to the queue's
/// dead-letter queue, if it has one, without a reason. Both are set where the queue is made.
///
/// Permissions: `sqs:ReceiveMessage`, `sqs:DeleteMessage`, `sqs:ChangeMessageVisibility`.
#[async_trait]
pub trait ReceiveMessages: fmt::Debug + Send + Sync {
    /// Receives messages; maybe fewer than there are, or none.
    async fn receive(&self, receive: Receive) -> Result<Vec<Message>, StoreError>;

    /// Deletes a message whose work is done. One that is gone already is no error; with a receipt
    /// that is not the newest it may stay.
    async fn acknowledge(&self, receipt: &Receipt) -> Result<(), StoreError>;

    /// Hides a received message for `time` from now on instead: longer, because the work goes on,
    /// or shorter, to be tried again; by zero it is given back. Returns the receipt that is good
    /// from then on.
    ///
    /// # Errors
    ///
    /// [`NotFound`](super::StoreErrorKind::NotFound) if the message is gone.
    async fn hide(&self, receipt: &Receipt, time: Duration) -> Result<Receipt, StoreError>;
}
