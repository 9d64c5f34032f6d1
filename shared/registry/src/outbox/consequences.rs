//! The jobs that follow from what changed.

use super::{Change, ChangedImage, Event};
use crate::archive::{Placed, PlacementJob};
use crate::collection::DeletedCollection;
use crate::jobs::Job;
use crate::replication::ReplicationRules;

impl Event {
    /// Whether something may be replicated of the event: not of one that tells of a replication.
    pub(super) fn is_replicable(&self) -> bool {
        match &self.change {
            Change::ImagePushed { image, .. }
            | Change::ImageDeleted { image, .. }
            | Change::ImageActivated { image } => image.origin.is_none(),
            Change::TagsRemoved { origin, .. } | Change::RepositoryChanged { origin, .. } => {
                origin.is_none()
            }
            Change::ImageArchived { .. }
            | Change::RepositoryDeleted { .. }
            | Change::Asked { .. }
            | Change::Due { .. } => false,
        }
    }

    /// Returns the jobs that follow from the event; of one that is
    /// [replicable](Self::is_replicable), by the rules of replication.
    pub(super) fn consequences(&self, rules: Option<&ReplicationRules>) -> Vec<Job> {
        match (&self.change, rules) {
            (Change::Asked { job }, _) => vec![job.clone()],
            (Change::Due { jobs }, _) => jobs.clone(),
            (Change::ImageArchived { image }, _) => vec![Job::PlaceLayers(placement(image))],
            (change @ Change::ImageActivated { image }, rules) => {
                let rules = rules.filter(|_| self.is_replicable());
                let replication = rules.map(|rules| rules.jobs(change)).unwrap_or_default();
                std::iter::once(Job::PlaceLayers(placement(image))).chain(replication).collect()
            }
            (Change::RepositoryDeleted { repository, repository_id }, _) => {
                let job = DeletedCollection::new(repository.clone(), repository_id.clone());
                vec![Job::CollectDeleted(job)]
            }
            (change, Some(rules)) if self.is_replicable() => rules.jobs(change),
            _ => Vec::new(),
        }
    }
}

/// Returns the job that brings the layers of an image to where it needs them now.
fn placement(image: &ChangedImage) -> PlacementJob {
    PlacementJob {
        repository: image.repository.clone(),
        id: image.repository_id.clone(),
        of: Placed::Image(image.digest.clone()),
    }
}
