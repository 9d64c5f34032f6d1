use std::collections::BTreeMap;

use berth_types::{RepositoryName, Tag};

use super::{ReplicateJob, Replicated};
use crate::document::decode;
use crate::jobs::Job;
use crate::layout::{Place, RepositoryId};
use crate::outbox::Change;
use crate::ports::{Consistency, ReadTable, StoreError};
use crate::registry::Identity;
use crate::settings::{
    REPLICATION, REPLICATION_REFINEMENTS, ReplicationConfiguration, ReplicationDestination,
    ReplicationRefinement, ReplicationRefinements, ReplicationRule,
};

/// The rules of a registry's replication, as they stand.
#[derive(Clone, Debug)]
pub struct ReplicationRules {
    identity: Identity,
    configuration: ReplicationConfiguration,
    refinements: ReplicationRefinements,
}

/// What rules say about a repository and a destination.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReplicationPlan<'r> {
    /// Whether deletions of images and tags are replicated.
    pub deletions: bool,
    refinement: Option<&'r ReplicationRefinement>,
}

impl ReplicationRules {
    /// Reads the rules of the registry `identity` in its table.
    pub async fn read(table: &dyn ReadTable, identity: &Identity) -> Result<Self, StoreError> {
        let keys = [REPLICATION, REPLICATION_REFINEMENTS].map(|name| Place::Setting(name).key());
        let items = table.batch_get(&keys, Consistency::Strong).await?;
        let item = |place: usize| items.get(place).and_then(Option::as_ref);
        Ok(Self {
            identity: identity.clone(),
            configuration: item(0).map(decode).transpose()?.unwrap_or_default(),
            refinements: item(1).map(decode).transpose()?.unwrap_or_default(),
        })
    }

    /// Returns the destinations of a repository's images, each once, and what is replicated there.
    /// The registry itself is none.
    #[must_use]
    pub fn destinations(
        &self,
        repository: &RepositoryName,
    ) -> BTreeMap<ReplicationDestination, ReplicationPlan<'_>> {
        let mut plans: BTreeMap<_, ReplicationPlan<'_>> = BTreeMap::new();
        for rule in &self.configuration.rules {
            if !selects(rule, repository) {
                continue;
            }
            let deletions = rule.delete_replication.is_some_and(|delete| delete.enabled);
            for destination in rule.destinations.iter().filter(|each| !self.is_itself(each)) {
                let plan = plans.entry(destination.clone()).or_default();
                plan.deletions |= deletions;
                plan.refinement = self.refinements.find(repository, destination);
            }
        }
        plans
    }

    /// Whether a rule names a destination, which is not the registry itself.
    #[must_use]
    pub fn name(&self, destination: &ReplicationDestination) -> bool {
        let mut rules = self.configuration.rules.iter();
        !self.is_itself(destination) && rules.any(|rule| rule.destinations.contains(destination))
    }

    /// Returns what is replicated of a repository to a destination; `None` if no rule says so.
    #[must_use]
    pub fn plan(
        &self,
        repository: &RepositoryName,
        destination: &ReplicationDestination,
    ) -> Option<ReplicationPlan<'_>> {
        self.destinations(repository).remove(destination)
    }

    /// Returns the jobs that follow from a change of a client's: one for each destination.
    pub(crate) fn jobs(&self, change: &Change) -> Vec<Job> {
        let (repository, id) = match change {
            Change::ImagePushed { image, .. }
            | Change::ImageDeleted { image, .. }
            | Change::ImageActivated { image } => (&image.repository, &image.repository_id),
            Change::TagsRemoved { repository, repository_id, .. }
            | Change::RepositoryChanged { repository, repository_id, .. } => {
                (repository, repository_id)
            }
            Change::ImageArchived { .. }
            | Change::RepositoryDeleted { .. }
            | Change::Asked { .. }
            | Change::Due { .. } => return Vec::new(),
        };
        let job = |(destination, plan): (_, ReplicationPlan<'_>)| {
            let change = plan.replicated(change)?;
            Some(job(repository, id, destination, change))
        };
        self.destinations(repository).into_iter().filter_map(job).collect()
    }

    fn is_itself(&self, destination: &ReplicationDestination) -> bool {
        let Identity { registry_id, region } = &self.identity;
        destination.registry_id == *registry_id && destination.region == *region
    }
}

impl ReplicationPlan<'_> {
    /// Whether settings of the repository are replicated.
    #[must_use]
    pub fn settings(self) -> bool {
        self.refinement.is_some_and(|refinement| refinement.repository_settings)
    }

    /// Returns those of an image's tags that are replicated; `None` if the image is not, unless as
    /// a child of an index.
    #[must_use]
    pub fn select(self, tags: &[Tag]) -> Option<Vec<Tag>> {
        match self.refinement {
            Some(refinement) => refinement.select(tags),
            None => Some(tags.to_vec()),
        }
    }

    /// Returns what of a change is replicated.
    fn replicated(self, change: &Change) -> Option<Replicated> {
        match change {
            Change::ImagePushed { image, tags, .. } => {
                let digest = image.digest.clone();
                self.select(tags).map(|tags| Replicated::Push { digest, tags })
            }
            Change::ImageActivated { image } => {
                Some(Replicated::Return { digest: image.digest.clone() })
            }
            Change::ImageDeleted { image, .. } => {
                let digest = image.digest.clone();
                Some(match self.deletions {
                    true => Replicated::Deletion { digest },
                    false => Replicated::Forgetting { digest },
                })
            }
            Change::TagsRemoved { digest, tags, .. } if self.deletions => {
                let digest = digest.clone();
                self.select(tags).map(|tags| Replicated::Untagging { digest, tags })
            }
            Change::RepositoryChanged { .. } if self.settings() => Some(Replicated::Settings),
            Change::TagsRemoved { .. }
            | Change::RepositoryChanged { .. }
            | Change::ImageArchived { .. }
            | Change::RepositoryDeleted { .. }
            | Change::Asked { .. }
            | Change::Due { .. } => None,
        }
    }
}

fn selects(rule: &ReplicationRule, repository: &RepositoryName) -> bool {
    let filters = &rule.repository_filters;
    filters.is_empty() || filters.iter().any(|filter| filter.selects(repository))
}

fn job(
    repository: &RepositoryName,
    repository_id: &RepositoryId,
    destination: ReplicationDestination,
    change: Replicated,
) -> Job {
    let (repository, repository_id) = (repository.clone(), repository_id.clone());
    Job::Replicate(ReplicateJob { repository, repository_id, destination, change })
}
