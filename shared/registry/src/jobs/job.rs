use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::archive::PlacementJob;
use crate::collection::{DeletedCollection, RegistryCollection, RepositoryCollection};
use crate::lifecycle::{LifecycleJob, PreviewJob, ReferrersJob};
use crate::ports::{NewMessage, SendMessages, StoreError, StoreErrorKind};
use crate::replication::{BackfillJob, ReplicateJob};

/// Something to be done later. It may be done twice, or be cut off and done again: that changes
/// nothing twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "job", rename_all = "camelCase")]
pub enum Job {
    /// Work out what a lifecycle policy would do.
    LifecyclePreview(PreviewJob),
    /// Let a lifecycle policy act.
    Lifecycle(LifecycleJob),
    /// Let referrers follow their subject.
    Referrers(ReferrersJob),
    /// Bring bytes to where images need them: to the archive, or back from there.
    PlaceLayers(PlacementJob),
    /// Replicate a change.
    Replicate(ReplicateJob),
    /// Carry out a backfill.
    ReplicationBackfill(BackfillJob),
    /// Collect what a repository does not need any more.
    CollectRepository(RepositoryCollection),
    /// Collect what a deleted repository left.
    CollectDeleted(DeletedCollection),
    /// Collect objects that nothing names, and what deleted repositories left.
    CollectRegistry(RegistryCollection),
}

/// Queue of jobs of a kind. Each has a queue of dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobQueue {
    /// Lifecycle policies, their previews, and the archive.
    Lifecycle,
    /// Collection of what nothing uses.
    Collect,
    /// Replication, and its backfills.
    Replicate,
}

impl JobQueue {
    /// All queues.
    pub const ALL: [Self; 3] = [Self::Lifecycle, Self::Collect, Self::Replicate];

    /// Returns the name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lifecycle => "lifecycle",
            Self::Collect => "collect",
            Self::Replicate => "replicate",
        }
    }
}

impl Job {
    /// Returns the queue that it waits in.
    #[must_use]
    pub fn queue(&self) -> JobQueue {
        match self {
            Self::LifecyclePreview(_)
            | Self::Lifecycle(_)
            | Self::Referrers(_)
            | Self::PlaceLayers(_) => JobQueue::Lifecycle,
            Self::Replicate(_) | Self::ReplicationBackfill(_) => JobQueue::Replicate,
            Self::CollectRepository(_) | Self::CollectDeleted(_) | Self::CollectRegistry(_) => {
                JobQueue::Collect
            }
        }
    }

    /// Returns the message that says so.
    pub fn message(&self) -> Result<NewMessage, StoreError> {
        let body = serde_json::to_string(self);
        body.map(NewMessage::new).map_err(|error| StoreError::new(StoreErrorKind::Internal, error))
    }
}

/// Where jobs are sent to: one queue for each [`JobQueue`].
#[derive(Clone, Debug)]
pub struct JobQueues {
    /// [`JobQueue::Lifecycle`].
    pub lifecycle: Arc<dyn SendMessages>,
    /// [`JobQueue::Collect`].
    pub collect: Arc<dyn SendMessages>,
    /// [`JobQueue::Replicate`].
    pub replicate: Arc<dyn SendMessages>,
}

impl JobQueues {
    /// Sends jobs, each to its queue. If it fails, some of them may have been sent.
    pub async fn send(&self, jobs: &[Job]) -> Result<(), StoreError> {
        for queue in JobQueue::ALL {
            let jobs = jobs.iter().filter(|job| job.queue() == queue);
            let messages = jobs.map(Job::message).collect::<Result<Vec<_>, _>>()?;
            if !messages.is_empty() {
                self.of(queue).send(&messages).await?;
            }
        }
        Ok(())
    }

    fn of(&self, queue: JobQueue) -> &dyn SendMessages {
        match queue {
            JobQueue::Lifecycle => self.lifecycle.as_ref(),
            JobQueue::Collect => self.collect.as_ref(),
            JobQueue::Replicate => self.replicate.as_ref(),
        }
    }
}
