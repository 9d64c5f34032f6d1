use std::sync::Arc;

use berth_types::{Digest, RepositoryName, Tag};

use super::failure::ReplicationFailure;
use super::status::StatusKeeper;
use super::tags::targets;
use super::{Peer, ReplicateJob, ReplicateWorker};
use crate::access::{Action, RepositoryPermit};
use crate::contention::Attempts;
use crate::error::RegistryError;
use crate::jobs::WorkError;
use crate::repositories::Repository;

impl ReplicateWorker {
    /// Deletes an image at the destination, unless it came again here.
    pub(super) async fn delete(
        &self,
        job: &ReplicateJob,
        digest: &Digest,
    ) -> Result<(), WorkError> {
        if let Some(repository) = self.repository_named(&job.repository).await?
            && self.has_image(&repository, digest).await?
        {
            return Ok(());
        }
        let Some((peer, permit, repository)) = self.to_remove(job).await? else { return Ok(()) };
        let removal = &peer.registry.removal;
        Ok(removal.delete_replicated(&permit, &repository, digest).await?)
    }

    /// Takes tags away from an image at the destination, but for those that came again here.
    pub(super) async fn untag(
        &self,
        job: &ReplicateJob,
        digest: &Digest,
        tags: &[Tag],
    ) -> Result<(), WorkError> {
        let mut gone = tags.to_vec();
        if let Some(repository) = self.repository_named(&job.repository).await? {
            let found = targets(self.ports.table.as_ref(), &repository.id, tags).await?;
            let mut found = found.into_iter();
            gone.retain(|_| found.next().flatten().as_ref() != Some(digest));
        }
        let Some((peer, permit, repository)) = self.to_remove(job).await? else { return Ok(()) };
        let removal = &peer.registry.removal;
        Ok(removal.untag_replicated(&permit, &repository, digest, &gone).await?)
    }

    /// Forgets how far the replication of an image was, unless the image is here: it may have come
    /// again, and its status is of that one.
    pub(super) async fn forget(
        &self,
        name: &RepositoryName,
        keeper: StatusKeeper<'_>,
    ) -> Result<(), RegistryError> {
        let mut attempts = Attempts::at(keeper.digest);
        // The image is looked for after the status is read: of one that comes later, that changes.
        while let Some(version) = keeper.version().await? {
            if let Some(repository) = self.repository_named(name).await?
                && repository.id == *keeper.repository
                && self.has_image(&repository, keeper.digest).await?
            {
                return Ok(());
            }
            if keeper.forget(version).await? {
                return Ok(());
            }
            attempts.next().await?;
        }
        Ok(())
    }

    /// Returns the destination, its permit, and its repository; `None` if there is nothing to take
    /// away.
    ///
    /// # Errors
    ///
    /// [`WorkError::Hopeless`] if the destination is not reached, or lets nothing be taken away:
    /// no status of an image would tell that, so that the job is set aside.
    async fn to_remove(
        &self,
        job: &ReplicateJob,
    ) -> Result<Option<(&Peer, RepositoryPermit, Arc<Repository>)>, WorkError> {
        let hopeless = |failure: ReplicationFailure| WorkError::Hopeless(failure.to_string());
        let peer = self.peers.find(&job.destination);
        let peer = peer.ok_or_else(|| hopeless(super::Peers::unknown(&job.destination)))?;
        let action = Action::ReplicateImage;
        let permit = match peer.gate.replication(&self.identity, action, &job.repository).await {
            Ok(permit) => permit,
            Err(error) => return Err(hopeless(ReplicationFailure::of_gate(error)?)),
        };
        match peer.registry.removal.directory.current(&job.repository).await {
            Ok((repository, _)) => Ok(Some((peer, permit, repository))),
            Err(RegistryError::RepositoryUnknown(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
