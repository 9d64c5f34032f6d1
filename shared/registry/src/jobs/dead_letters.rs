use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::ports::{
    MOST_RECEIVED, Message, NewMessage, Receive, ReceiveMessages, SendMessages, StoreError,
    StoreErrorKind,
};

/// How long letters are hidden from others while they are looked at.
const HIDDEN: Duration = Duration::from_mins(1);

/// How long to wait for one more letter. Without a wait, a queue may not show one that is there.
const WAIT: Duration = Duration::from_secs(1);

/// The most letters that one call looks at.
const MOST: usize = 10_000;

/// How long one call looks for letters before it does something to those that it has, so that it ends
/// within a request's time, and before it has hidden the first ones for too short.
const LOOKS: Duration = Duration::from_secs(10);

/// How many calls to a queue are made at once.
const AT_ONCE: usize = 16;

/// The jobs of one queue that were set aside.
///
/// A queue shows its messages only to those who receive them: what one call looks at, another
/// that runs beside it does not see, for a minute at most.
#[derive(Clone, Debug)]
pub struct DeadLetters {
    dead: Arc<dyn ReceiveMessages>,
    queue: Arc<dyn SendMessages>,
}

/// A job that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Names it among the dead letters of its queue.
    pub id: String,
    /// What the job says.
    pub body: String,
    /// Why it was set aside; `None` if its worker ended without a word each time.
    pub reason: Option<String>,
}

/// Which letters something is done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhichLetters {
    /// All.
    All,
    /// Those of these ids.
    Of(Vec<String>),
}

/// What is done to letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Retry,
    Purge,
}

impl DeadLetters {
    /// Takes the dead letters, and the queue that they came from.
    #[must_use]
    pub fn new(dead: Arc<dyn ReceiveMessages>, queue: Arc<dyn SendMessages>) -> Self {
        Self { dead, queue }
    }

    /// Returns letters, `most` of them or all if they are fewer, in no order.
    pub async fn list(&self, most: usize) -> Result<Vec<DeadLetter>, StoreError> {
        let mut messages = Vec::new();
        loop {
            let wanted = most.min(MOST) - messages.len();
            let received = if wanted == 0 { Vec::new() } else { self.receive(wanted).await? };
            if received.is_empty() {
                self.give_back(&messages).await?;
                let letter = |Message { id, body, reason, .. }| DeadLetter { id, body, reason };
                return Ok(messages.into_iter().map(letter).collect());
            }
            messages.extend(received);
        }
    }

    /// Sends letters to their queue again, and returns how many. One that a failure interrupts may
    /// be sent and stay. Of very many, some are left for the next call.
    pub async fn retry(&self, which: &WhichLetters) -> Result<usize, StoreError> {
        self.settle(which, Fate::Retry).await
    }

    /// Deletes letters, and returns how many. Of very many, some are left for the next call.
    pub async fn purge(&self, which: &WhichLetters) -> Result<usize, StoreError> {
        self.settle(which, Fate::Purge).await
    }

    async fn settle(&self, which: &WhichLetters, fate: Fate) -> Result<usize, StoreError> {
        // All are received before one is sent: what fails again at once is another letter.
        let (mut chosen, mut others) = (Vec::new(), Vec::new());
        let end = Instant::now() + LOOKS;
        while chosen.len() + others.len() < MOST
            && !which.is_done(chosen.len())
            && Instant::now() < end
        {
            let received = self.receive(MOST_RECEIVED).await?;
            if received.is_empty() {
                break;
            }
            for message in received {
                let side = if which.has(&message.id) { &mut chosen } else { &mut others };
                side.push(message);
            }
        }
        self.give_back(&others).await?;
        let calls = chosen.chunks(MOST_RECEIVED).map(|some| self.settle_some(some, fate));
        let calls = stream::iter(calls.collect::<Vec<_>>());
        calls.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        Ok(chosen.len())
    }

    async fn settle_some(&self, letters: &[Message], fate: Fate) -> Result<(), StoreError> {
        if fate == Fate::Retry {
            let jobs: Vec<_> =
                letters.iter().map(|letter| NewMessage::new(letter.body.clone())).collect();
            self.queue.send(&jobs).await?;
        }
        for letter in letters {
            self.dead.acknowledge(&letter.receipt).await?;
        }
        Ok(())
    }

    async fn receive(&self, most: usize) -> Result<Vec<Message>, StoreError> {
        let most = most.min(MOST_RECEIVED);
        self.dead.receive(Receive { most, hidden: HIDDEN, wait: WAIT }).await
    }

    /// Lets others receive the messages at once.
    async fn give_back(&self, messages: &[Message]) -> Result<(), StoreError> {
        let give = async |message: &Message| match self
            .dead
            .hide(&message.receipt, Duration::ZERO)
            .await
        {
            // Somebody else settled it meanwhile.
            Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(()),
            result => result.map(drop),
        };
        let calls: Vec<_> = messages.iter().map(give).collect();
        stream::iter(calls).buffer_unordered(AT_ONCE).try_collect().await
    }
}

impl WhichLetters {
    fn has(&self, id: &str) -> bool {
        match self {
            Self::All => true,
            Self::Of(ids) => ids.iter().any(|wanted| wanted == id),
        }
    }

    /// Whether none is left when so many are settled.
    fn is_done(&self, settled: usize) -> bool {
        match self {
            Self::All => false,
            Self::Of(ids) => settled >= ids.len(),
        }
    }
}
