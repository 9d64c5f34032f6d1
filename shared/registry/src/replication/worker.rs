use std::sync::Arc;

use async_trait::async_trait;
use berth_types::{Digest, Tag};

use super::status::{ReplicationState, StatusKeeper};
use super::{
    ImageToReplicate, Peers, ReplicateJob, Replicated, ReplicationFailure, ReplicationOutcome,
    ReplicationRules,
};
use crate::error::RegistryError;
use crate::jobs::{Job, Work, WorkError};
use crate::layout::RepositoryId;
use crate::manifests::all_tags;
use crate::ports::{Clock, ReadObjects, Timestamp, WriteTable};
use crate::registry::Identity;
use crate::settings::ReplicationDestination;

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
            Replicated::Return { digest } => match self.tags_to_return(&job, &digest).await? {
                Some(tags) => self.push(job, digest, tags, until).await,
                None => Ok(Vec::new()),
            },
            Replicated::Deletion { digest } => {
                self.delete(&job, &digest).await?;
                let keeper = self.keeper(&job.repository_id, &digest, &job.destination);
                self.forget(&job.repository, keeper).await?;
                Ok(Vec::new())
            }
            Replicated::Settings => {
                self.bring_settings(&job).await?;
                Ok(Vec::new())
            }
            Replicated::Forgetting { digest } => {
                let keeper = self.keeper(&job.repository_id, &digest, &job.destination);
                self.forget(&job.repository, keeper).await?;
                Ok(Vec::new())
            }
            Replicated::Untagging { digest, tags } => {
                self.untag(&job, &digest, &tags).await?;
                Ok(Vec::new())
            }
        }
    }

    /// Returns those of an image's tags that go to the destination; `None` if the image does not.
    async fn tags_to_return(
        &self,
        job: &ReplicateJob,
        digest: &Digest,
    ) -> Result<Option<Vec<Tag>>, RegistryError> {
        let table = self.ports.table.as_ref();
        let tags = all_tags(table, &job.repository_id, digest).await?;
        let rules = ReplicationRules::read(table, &self.identity).await?;
        let plan = rules.plan(&job.repository, &job.destination);
        Ok(plan.and_then(|plan| plan.select(&tags)))
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
        let (outcome, following) = self.bring(&image, &job.destination, until).await?;
        Ok(match outcome {
            ReplicationOutcome::CutOff => vec![Job::Replicate(job)],
            _ => following,
        })
    }

    /// Replicates an image and keeps its status. Returns how that ended, and the jobs that follow
    /// because something changed here meanwhile.
    pub(super) async fn bring(
        &self,
        image: &ImageToReplicate,
        destination: &ReplicationDestination,
        until: Timestamp,
    ) -> Result<(ReplicationOutcome, Vec<Job>), RegistryError> {
        let keeper = self.keeper(&image.repository_id, &image.digest, destination);
        let now = || self.ports.clock.now();
        keeper.note(ReplicationState::InProgress, now()).await?;
        let outcome = self.replicate(image, destination, until).await?;
        match &outcome {
            ReplicationOutcome::CutOff => return Ok((outcome, Vec::new())),
            ReplicationOutcome::Gone => self.forget(&image.repository, keeper).await?,
            ReplicationOutcome::Complete => {
                keeper.note(ReplicationState::Complete, now()).await?;
            }
            ReplicationOutcome::Failed { failure, .. } => {
                let ImageToReplicate { repository, digest, .. } = image;
                tracing::warn!(%repository, %digest, ?destination, %failure, "not replicated");
                keeper.note(ReplicationState::Failed(failure.clone()), now()).await?;
            }
        }
        let following = self.settle(image, destination).await?;
        Ok((outcome, following))
    }

    /// Notes that a replication is given up, since a store kept failing, and returns the failure.
    pub(super) async fn unavailable(
        &self,
        keeper: StatusKeeper<'_>,
        reason: &impl ToString,
    ) -> Result<ReplicationFailure, RegistryError> {
        let failure = ReplicationFailure::new("ServiceUnavailable", reason);
        keeper.note(ReplicationState::Failed(failure.clone()), self.ports.clock.now()).await?;
        Ok(failure)
    }

    pub(super) fn keeper<'a>(
        &'a self,
        repository: &'a RepositoryId,
        digest: &'a Digest,
        destination: &'a ReplicationDestination,
    ) -> StatusKeeper<'a> {
        StatusKeeper { table: self.ports.table.as_ref(), repository, digest, destination }
    }
}

#[async_trait]
impl Work for ReplicateWorker {
    async fn work(&self, job: Job, until: Timestamp) -> Result<Vec<Job>, WorkError> {
        match job {
            Job::Replicate(job) => self.run(job, until).await,
            Job::ReplicationBackfill(job) => self.backfill(job, until).await,
            other => Err(WorkError::Hopeless(format!("not a job of replication: {other:?}"))),
        }
    }

    async fn give_up(&self, job: &Job, reason: &str) -> Result<(), RegistryError> {
        match job {
            Job::Replicate(ReplicateJob { repository_id, destination, change, .. }) => {
                let (Replicated::Push { digest, .. } | Replicated::Return { digest }) = change
                else {
                    return Ok(());
                };
                let keeper = self.keeper(repository_id, digest, destination);
                self.unavailable(keeper, &reason).await.map(drop)
            }
            Job::ReplicationBackfill(job) => self.give_up_backfill(job).await,
            _ => Ok(()),
        }
    }
}
