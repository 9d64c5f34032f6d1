use std::sync::Arc;

use async_trait::async_trait;
use berth_types::{Digest, Tag};

use super::status::{ReplicationState, StatusKeeper};
use super::{ImageToReplicate, Peers, ReplicateJob, Replicated, ReplicationOutcome};
use crate::jobs::{Job, Work, WorkError};
use crate::ports::{Clock, ReadObjects, Timestamp, WriteTable};
use crate::registry::Identity;

/// What replication stands on in the registry that it replicates from.
#[derive(Clone, Debug)]
pub struct ReplicationPorts {
    /// The table.
    pub table: Arc<dyn WriteTable>,
    /// The objects, to read manifests and to be copied from.
    pub objects: Arc<dyn ReadObjects>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Does the jobs of the queue `replicate`.
#[derive(Clone, Debug)]
pub struct ReplicateWorker {
    pub(super) ports: ReplicationPorts,
    pub(super) identity: Identity,
    pub(super) peers: Arc<Peers>,
}

impl ReplicateWorker {
    /// Makes what replicates from the registry `identity` to its `peers`.
    #[must_use]
    pub fn new(ports: ReplicationPorts, identity: Identity, peers: Arc<Peers>) -> Self {
        Self { ports, identity, peers }
    }

    async fn run(&self, job: ReplicateJob, until: Timestamp) -> Result<Vec<Job>, WorkError> {
        match job.change.clone() {
            Replicated::Push { digest, tags } => self.push(job, digest, tags, until).await,
            Replicated::Deletion { digest } => {
                self.delete(&job, &digest).await?;
                self.keeper(&job, &digest).forget().await?;
                Ok(Vec::new())
            }
            Replicated::Forgetting { digest } => {
                self.forget(&job, &digest).await?;
                Ok(Vec::new())
            }
            Replicated::Untagging { digest, tags } => {
                self.untag(&job, &digest, &tags).await?;
                Ok(Vec::new())
            }
        }
    }

    async fn push(
        &self,
        job: ReplicateJob,
        digest: Digest,
        tags: Vec<Tag>,
        until: Timestamp,
    ) -> Result<Vec<Job>, WorkError> {
        let image = ImageToReplicate {
            repository: job.repository.clone(),
            repository_id: job.repository_id.clone(),
            digest,
            tags,
        };
        let keeper = self.keeper(&job, &image.digest);
        let now = || self.ports.clock.now();
        keeper.begin(now()).await?;
        let replicated = self.replicate(&image, &job.destination, until).await;
        let state = match replicated {
            Ok(ReplicationOutcome::CutOff) => return Ok(vec![Job::Replicate(job)]),
            Ok(ReplicationOutcome::Gone) => None,
            Ok(ReplicationOutcome::Complete) => Some(ReplicationState::Complete),
            Ok(ReplicationOutcome::Failed { failure, .. }) => {
                let ImageToReplicate { repository, digest, .. } = &image;
                let destination = &job.destination;
                tracing::warn!(%repository, %digest, ?destination, %failure, "not replicated");
                Some(ReplicationState::Failed(failure))
            }
            Err(error) => {
                keeper.attempt_failed(&error, now()).await?;
                return Err(error.into());
            }
        };
        match state {
            Some(state) => keeper.end(state, now()).await?,
            None => keeper.forget().await?,
        }
        Ok(self.settle(&image, &job.destination).await?)
    }

    pub(super) fn keeper<'a>(
        &'a self,
        job: &'a ReplicateJob,
        digest: &'a Digest,
    ) -> StatusKeeper<'a> {
        StatusKeeper {
            table: self.ports.table.as_ref(),
            repository: &job.repository_id,
            digest,
            destination: &job.destination,
        }
    }
}

#[async_trait]
impl Work for ReplicateWorker {
    async fn work(&self, job: Job, until: Timestamp) -> Result<Vec<Job>, WorkError> {
        let Job::Replicate(job) = job else {
            return Err(WorkError::Hopeless(format!("not a job of replication: {job:?}")));
        };
        self.run(job, until).await
    }
}
