use futures_util::future::try_join_all;

use super::{DeadLetter, DeadLetters, WhichLetters};
use crate::access::{Action, RegistryPermit};
use crate::error::RegistryError;

/// The use cases of what was set aside, in all queues that a registry has.
#[derive(Clone, Debug, Default)]
pub struct FailedJobs {
    queues: Vec<(&'static str, DeadLetters)>,
}

/// What was set aside in one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedInQueue {
    /// Name of the queue.
    pub queue: &'static str,
    /// The letters, in no order.
    pub letters: Vec<DeadLetter>,
}

impl FailedJobs {
    /// Takes the dead letters of each queue, by its name.
    #[must_use]
    pub fn new(queues: Vec<(&'static str, DeadLetters)>) -> Self {
        Self { queues }
    }

    /// Returns the names of the queues.
    #[must_use]
    pub fn queues(&self) -> Vec<&'static str> {
        self.queues.iter().map(|(name, _)| *name).collect()
    }

    /// Returns what was set aside, at most `most` of each queue, or of the queue `only`. Waits a
    /// second for what a queue does not show at once.
    pub async fn list(
        &self,
        permit: RegistryPermit,
        only: Option<&str>,
        most: usize,
    ) -> Result<Vec<FailedInQueue>, RegistryError> {
        permit.must_be(Action::ListFailedJobs);
        let wanted = self.queues.iter().filter(|(name, _)| only.is_none_or(|only| only == *name));
        let lists = wanted.map(|(queue, letters)| async move {
            let letters = letters.list(most).await?;
            Ok::<_, RegistryError>(FailedInQueue { queue, letters })
        });
        try_join_all(lists).await
    }

    /// Sends what was set aside to its queue again, and returns how many that were; none if there
    /// is no such queue.
    pub async fn retry(
        &self,
        permit: RegistryPermit,
        queue: &str,
        which: &WhichLetters,
    ) -> Result<usize, RegistryError> {
        permit.must_be(Action::RetryFailedJobs);
        match self.of(queue) {
            Some(letters) => Ok(letters.retry(which).await?),
            None => Ok(0),
        }
    }

    /// Deletes what was set aside, and returns how many that were; none if there is no such queue.
    pub async fn purge(
        &self,
        permit: RegistryPermit,
        queue: &str,
        which: &WhichLetters,
    ) -> Result<usize, RegistryError> {
        permit.must_be(Action::PurgeFailedJobs);
        match self.of(queue) {
            Some(letters) => Ok(letters.purge(which).await?),
            None => Ok(0),
        }
    }

    fn of(&self, queue: &str) -> Option<&DeadLetters> {
        self.queues.iter().find(|(name, _)| *name == queue).map(|(_, letters)| letters)
    }
}
