use std::sync::Arc;

use berth_embedded::{DataFolder, SqliteQueue};
use berth_registry::ports::{Clock, StoreError};
use berth_registry::{DeadLetters, FailedJobs, JobQueue, JobQueues, MOST_RECEIPTS};

/// Queue of what the webhook is told.
const WEBHOOK: &str = "webhook";

/// The queues of one registry.
#[derive(Clone, Debug)]
pub(in crate::serve) struct Queues {
    lifecycle: Queue,
    collect: Queue,
    replicate: Queue,
    webhook: Queue,
}

/// A queue, and that of its dead letters.
#[derive(Clone, Debug)]
pub(in crate::serve) struct Queue {
    pub(in crate::serve) alive: Arc<SqliteQueue>,
    pub(in crate::serve) dead: Arc<SqliteQueue>,
}

impl Queues {
    /// Makes the queues of the registry in `folder`.
    pub(in crate::serve) fn new(folder: &DataFolder, clock: &Arc<dyn Clock>) -> Self {
        let queue = |name: &str, most_received| {
            let dead = format!("{name}-dead");
            let new = |name: &str| SqliteQueue::new(folder.table(), name, Arc::clone(clock));
            let alive = new(name).with_dead_letters(most_received, &dead);
            Queue { alive: Arc::new(alive), dead: Arc::new(new(&dead)) }
        };
        let jobs = |of: JobQueue| queue(of.as_str(), MOST_RECEIPTS);
        Self {
            lifecycle: jobs(JobQueue::Lifecycle),
            collect: jobs(JobQueue::Collect),
            replicate: jobs(JobQueue::Replicate),
            webhook: queue(WEBHOOK, super::webhook::MOST_ATTEMPTS),
        }
    }

    /// Makes due what was worked on when the last process ended, and shows the dead letters that
    /// somebody looked at.
    pub(super) async fn recover(&self) -> Result<(), StoreError> {
        for queue in [&self.lifecycle, &self.collect, &self.replicate, &self.webhook] {
            queue.alive.recover().await?;
            queue.dead.recover().await?;
        }
        Ok(())
    }

    /// Returns what was set aside.
    pub(in crate::serve) fn failed_jobs(&self) -> FailedJobs {
        let of = |name: &'static str, Queue { alive, dead }: Queue| {
            (name, DeadLetters::new(dead, alive))
        };
        let jobs = JobQueue::ALL.map(|jobs| of(jobs.as_str(), self.of(jobs)));
        FailedJobs::new(jobs.into_iter().chain([of(WEBHOOK, self.webhook())]).collect())
    }

    /// Returns where jobs are sent to.
    pub(in crate::serve) fn jobs(&self) -> JobQueues {
        JobQueues {
            lifecycle: self.lifecycle.alive.clone(),
            collect: self.collect.alive.clone(),
            replicate: self.replicate.alive.clone(),
        }
    }

    /// Returns the queue of some jobs.
    pub(super) fn of(&self, jobs: JobQueue) -> Queue {
        match jobs {
            JobQueue::Lifecycle => self.lifecycle.clone(),
            JobQueue::Collect => self.collect.clone(),
            JobQueue::Replicate => self.replicate.clone(),
        }
    }

    /// Returns the queue of what the webhook is told.
    pub(super) fn webhook(&self) -> Queue {
        self.webhook.clone()
    }
}
