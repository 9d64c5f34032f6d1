use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Attempt, JobDoer};
use crate::ports::{Clock, MOST_RECEIVED, Message, Receive, ReceiveMessages, StoreError};

/// How long a job may work before it leaves the rest to another one.
const LONGEST_WORK: Duration = Duration::from_mins(10);

/// How long nobody else receives what is worked on: longer than a job may last, its overtime
/// included.
const HIDDEN: Duration = Duration::from_mins(15);

/// How long to wait for a message at a time.
const WAIT: Duration = Duration::from_secs(20);

/// The pause after a queue failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Does the jobs of one queue, a few at once, for as long as it runs.
#[derive(Clone, Debug)]
pub struct Runner {
    doer: Arc<JobDoer>,
    messages: Arc<dyn ReceiveMessages>,
    clock: Arc<dyn Clock>,
    at_once: usize,
}

impl Runner {
    /// Lets `doer` do what `messages` says, at most `at_once` jobs at a time.
    #[must_use]
    pub fn new(
        doer: JobDoer,
        messages: Arc<dyn ReceiveMessages>,
        clock: Arc<dyn Clock>,
        at_once: usize,
    ) -> Self {
        Self { doer: Arc::new(doer), messages, clock, at_once: at_once.max(1) }
    }

    /// Runs until it is dropped, which cuts off what is being done; that comes again.
    pub async fn run(self) {
        let mut running = JoinSet::new();
        loop {
            while running.try_join_next().is_some() {}
            if running.len() >= self.at_once {
                running.join_next().await;
            }
            match self.receive(self.at_once - running.len(), WAIT).await {
                Ok(messages) => {
                    for message in messages {
                        let runner = self.clone();
                        running.spawn(async move { runner.attempt(message).await });
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "jobs can't be received");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Does the jobs that are there now, one after another, until there is none; returns how many
    /// attempts it made.
    pub async fn run_dry(&self) -> Result<usize, StoreError> {
        let mut attempts = 0;
        loop {
            let messages = self.receive(self.at_once, Duration::ZERO).await?;
            if messages.is_empty() {
                return Ok(attempts);
            }
            attempts += messages.len();
            for message in messages {
                self.attempt(message).await;
            }
        }
    }

    async fn receive(&self, most: usize, wait: Duration) -> Result<Vec<Message>, StoreError> {
        let most = most.clamp(1, MOST_RECEIVED);
        self.messages.receive(Receive { most, hidden: HIDDEN, wait }).await
    }

    async fn attempt(&self, message: Message) {
        let until = self.clock.now().plus(LONGEST_WORK);
        if self.doer.attempt(&message, until).await != Attempt::Done {
            return;
        }
        if let Err(error) = self.messages.acknowledge(&message.receipt).await {
            // It comes again, which changes nothing.
            tracing::warn!(id = message.id, %error, "a job that was done is still in its queue");
        }
    }
}
