use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use super::{Job, JobQueues, SetAside, Work, WorkError};
use crate::ports::{
    Clock, Message, ReceiveMessages, SendMessages, StoreError, StoreErrorKind, Timestamp,
};

/// How often a job is tried before it is set aside.
pub const MOST_ATTEMPTS: u32 = 5;

/// How often a job's message is received before its queue itself takes it away: once more, so that
/// those who wait for a job whose worker was ended each time are told.
pub const MOST_RECEIPTS: u32 = MOST_ATTEMPTS + 1;

/// How long a job may go on after it should have stopped, before it is cut off.
const OVERTIME: Duration = Duration::from_mins(2);

/// How long a worker has for telling that a job is given up.
const LONGEST_WORD: Duration = Duration::from_secs(10);

/// The pause after the first attempt; each further one is four times as long.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// Does the jobs that the messages of one queue say.
///
/// What is done counts as done when the jobs that follow from it are sent. What fails comes again
/// after 5 seconds, then 20, then 80, then 320, and is set aside with the reason after the fifth
/// attempt; at once, if no attempt could succeed.
#[derive(Clone, Debug)]
pub struct JobDoer {
    work: Arc<dyn Work>,
    jobs: JobQueues,
    messages: Arc<dyn ReceiveMessages>,
    set_aside: SetAside,
    clock: Arc<dyn Clock>,
}

/// How an attempt at a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// It was done: its message is to be acknowledged.
    Done,
    /// It was set aside, and its message acknowledged.
    SetAside,
    /// It failed, and comes again when its message is not hidden any more.
    Again,
}

impl JobDoer {
    /// Lets `work` do what the queue `messages` says. What fails too often goes to `dead`, what
    /// follows to `jobs`.
    #[must_use]
    pub fn new(
        work: Arc<dyn Work>,
        jobs: JobQueues,
        messages: Arc<dyn ReceiveMessages>,
        dead: Arc<dyn SendMessages>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let set_aside = SetAside::new(Arc::clone(&messages), dead);
        Self { work, jobs, messages, set_aside, clock }
    }

    /// Hides a message for `time` from now on, instead of the time that it was received for, and
    /// returns it with the receipt that is good from then on. If that fails, the message is hidden as
    /// it was.
    pub async fn hold(&self, message: Message, time: Duration) -> Message {
        match self.messages.hide(&message.receipt, time).await {
            Ok(receipt) => Message { receipt, ..message },
            Err(error) => {
                tracing::warn!(id = message.id, %error, "a job is hidden for as long as it was");
                message
            }
        }
    }

    /// Attempts what a message says; a long job stops at `until`.
    pub async fn attempt(&self, message: &Message, until: Timestamp) -> Attempt {
        let (id, received) = (&message.id, message.received);
        let job = match serde_json::from_str::<Job>(&message.body) {
            Ok(job) => job,
            Err(error) => return self.set_aside(message, &format!("it is no job: {error}")).await,
        };
        if received > MOST_ATTEMPTS {
            return self.give_up(message, &job, "its worker was ended at each attempt").await;
        }
        tracing::debug!(id, received, ?job, "attempting a job");
        match self.work(job.clone(), until).await {
            Ok(()) => Attempt::Done,
            Err(WorkError::Hopeless(reason)) => self.give_up(message, &job, &reason).await,
            Err(error) if received >= MOST_ATTEMPTS => {
                self.give_up(message, &job, &error.to_string()).await
            }
            Err(error) => {
                tracing::warn!(id, received, %error, body = message.body, "a job failed");
                if let Err(error) = self.messages.hide(&message.receipt, pause(received)).await {
                    tracing::warn!(id, %error, "a job that failed was not given back");
                }
                Attempt::Again
            }
        }
    }

    /// Does a job, and sends what follows from it.
    async fn work(&self, job: Job, until: Timestamp) -> Result<(), WorkError> {
        let rest = until.millis().saturating_sub(self.clock.now().millis());
        let longest = Duration::from_millis(rest) + OVERTIME;
        let work = AssertUnwindSafe(self.work.work(job, until)).catch_unwind();
        let failed =
            |text: &'static str| WorkError::from(StoreError::new(StoreErrorKind::Internal, text));
        let following = match tokio::time::timeout(longest, work).await {
            Ok(Ok(done)) => done?,
            Ok(Err(_)) => return Err(failed("the worker panicked")),
            Err(_) => return Err(failed("the worker took too long")),
        };
        Ok(self.jobs.send(&following).await?)
    }

    async fn give_up(&self, message: &Message, job: &Job, reason: &str) -> Attempt {
        let giving_up = AssertUnwindSafe(self.work.give_up(job, reason)).catch_unwind();
        match tokio::time::timeout(LONGEST_WORD, giving_up).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => {
                tracing::error!(id = message.id, %error, "nobody was told that a job is given up");
            }
            Ok(Err(_)) | Err(_) => {
                tracing::error!(id = message.id, "nobody was told that a job is given up");
            }
        }
        self.set_aside(message, reason).await
    }

    async fn set_aside(&self, message: &Message, reason: &str) -> Attempt {
        let (id, received, body) = (&message.id, message.received, &message.body);
        match self.set_aside.set_aside(message, reason).await {
            Ok(()) => {
                tracing::error!(id, received, reason, body, "a job was set aside");
                Attempt::SetAside
            }
            Err(error) => {
                tracing::error!(id, received, reason, body, %error, "a job was not set aside");
                Attempt::Again
            }
        }
    }
}

/// Returns how long a job waits after an attempt, the first being 1.
fn pause(attempt: u32) -> Duration {
    FIRST_PAUSE * 4u32.pow(attempt.clamp(1, MOST_ATTEMPTS) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow() {
        let pauses: Vec<_> = (0..=5).map(|attempt| pause(attempt).as_secs()).collect();
        assert_eq!(pauses, [5, 5, 20, 80, 320, 1280]);
    }
}
