use std::collections::BTreeSet;
use std::sync::Arc;

use berth_types::{Digest, RepositoryName, Tag};

use super::course::Course;
use super::failure::Stop;
use super::{Peer, Peers, ReplicateWorker, ReplicationFailure, ReplicationPlan, ReplicationRules};
use crate::access::Action;
use crate::archive::ImageStatus;
use crate::contention::Attempts;
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{Place, RepositoryId};
use crate::manifests::Image;
use crate::ports::{Consistency, Timestamp};
use crate::repositories::{CreateRepository, Repository};
use crate::settings::{CreationReason, CreationTemplate, ReplicationDestination};

/// An image to replicate, as it stands when it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageToReplicate {
    /// Name of the repository, here and there.
    pub repository: RepositoryName,
    /// Id of the repository here.
    pub repository_id: RepositoryId,
    /// Digest of the manifest.
    pub digest: Digest,
    /// Tags to replicate; those that are not the image's any more stay where they are.
    pub tags: Vec<Tag>,
}

/// How the replication of an image to a destination ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplicationOutcome {
    /// The image is there, with its tags, and with its children if it is an index.
    Complete,
    /// The image, or a tag of it, is not there, and will not be before somebody does something
    /// about it.
    Failed {
        /// Why.
        failure: ReplicationFailure,
        /// Why children of an index are not there, each reason once.
        of_children: BTreeSet<ReplicationFailure>,
    },
    /// The registry does not have the image any more.
    Gone,
    /// Its time was over: it goes on where it stopped when it is done again.
    CutOff,
}

impl ReplicationOutcome {
    pub(super) fn failed(failure: ReplicationFailure) -> Self {
        Self::Failed { failure, of_children: BTreeSet::new() }
    }
}

impl ReplicateWorker {
    /// Replicates an image to one destination: the children of an index before it, each blob by a
    /// copy that the destination's store makes. What is there already is not brought again, so
    /// that it may be done twice, or again after it was cut off.
    ///
    /// # Errors
    ///
    /// What may pass when it is tried again: a store of either registry failed, or others changed
    /// the same again and again.
    pub async fn replicate(
        &self,
        image: &ImageToReplicate,
        destination: &ReplicationDestination,
        until: Timestamp,
    ) -> Result<ReplicationOutcome, RegistryError> {
        let Some(peer) = self.peers.find(destination) else {
            return Ok(ReplicationOutcome::failed(Peers::unknown(destination)));
        };
        let mut attempts = Attempts::at(&image.digest);
        loop {
            match self.follow(image, peer, until).await {
                Ok(outcome) => return Ok(outcome),
                Err(Stop::Failed(failure)) => return Ok(ReplicationOutcome::failed(failure)),
                Err(Stop::Gone) => return Ok(ReplicationOutcome::Gone),
                Err(Stop::CutOff) => return Ok(ReplicationOutcome::CutOff),
                // The destination's repository, or something in it, went meanwhile.
                Err(Stop::Again(
                    RegistryError::RepositoryUnknown(_)
                    | RegistryError::ContentMissing { .. }
                    | RegistryError::BlobUnknown { .. },
                )) => attempts.next().await?,
                Err(Stop::Again(error)) => return Err(error),
            }
        }
    }

    async fn follow(
        &self,
        image: &ImageToReplicate,
        peer: &Peer,
        until: Timestamp,
    ) -> Result<ReplicationOutcome, Stop> {
        let source = self.repository(image).await?.ok_or(Stop::Gone)?;
        self.must_be_active(&source, &image.digest).await?;
        let name = &image.repository;
        let action = Action::ReplicateImage;
        let permit = peer.gate.replication(&self.identity, action, name).await?;
        let destination = self.make_repository(peer, name).await?;
        let ports = &self.ports;
        Course { ports, source, peer, permit, destination, until }.run(image).await
    }

    /// Makes sure that an image is here, and not in the archive: its layers can't be copied there.
    async fn must_be_active(&self, repository: &Repository, digest: &Digest) -> Result<(), Stop> {
        let key = Place::Image(&repository.id, digest).key();
        let item = self.ports.table.get(&key, Consistency::Strong).await?.ok_or(Stop::Gone)?;
        match decode::<Image>(&item)?.storage.status {
            ImageStatus::Active => Ok(()),
            ImageStatus::Archived | ImageStatus::Activating => {
                let reason = "the image is in the archive";
                Err(Stop::Failed(ReplicationFailure::new("ImageArchived", &reason)))
            }
        }
    }

    /// Returns the repository here, if it is still the one that the image is of.
    pub(super) async fn repository(
        &self,
        image: &ImageToReplicate,
    ) -> Result<Option<Repository>, RegistryError> {
        let repository = self.repository_named(&image.repository).await?;
        Ok(repository.filter(|repository| repository.id == image.repository_id))
    }

    /// Returns the repository here, as it is now.
    pub(super) async fn repository_named(
        &self,
        name: &RepositoryName,
    ) -> Result<Option<Repository>, RegistryError> {
        let key = Place::Repository(name).key();
        let item = self.ports.table.get(&key, Consistency::Strong).await?;
        Ok(item.as_ref().map(decode).transpose()?)
    }

    pub(super) async fn has_image(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, RegistryError> {
        let key = Place::Image(&repository.id, digest).key();
        Ok(self.ports.table.get(&key, Consistency::Strong).await?.is_some())
    }

    /// Returns the destination's repository, which is made if it is not there and the destination
    /// permits it.
    async fn make_repository(
        &self,
        peer: &Peer,
        name: &RepositoryName,
    ) -> Result<Arc<Repository>, Stop> {
        match peer.registry.push.directory.current(name).await {
            Ok((repository, _)) => return Ok(repository),
            Err(RegistryError::RepositoryUnknown(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let action = Action::CreateRepository;
        let permit = peer.gate.replication(&self.identity, action, name).await?;
        let (repositories, table) = (&peer.registry.repositories, &peer.registry.push.table);
        let reason = CreationReason::Replication;
        let template = CreationTemplate::find(table.as_ref(), name, reason).await?;
        let mut settings = template.map(CreateRepository::from).unwrap_or_default();
        let rules = ReplicationRules::read(self.ports.table.as_ref(), &self.identity).await?;
        if rules.plan(name, &peer.destination()).is_some_and(ReplicationPlan::settings) {
            settings = self.settings_to_create(peer, name, settings).await?;
        }
        Ok(repositories.find_or_create_with(&permit, settings).await?)
    }
}
