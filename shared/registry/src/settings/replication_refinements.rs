use berth_types::{ExclusionFilter, RepositoryName, Tag};
use serde::{Deserialize, Serialize};

use super::{ReplicationDestination, RepositoryFilter, Settings};
use crate::access::{Action, RegistryPermit};
use crate::error::RegistryError;

/// Name of the setting.
pub(crate) const NAME: &str = "replication-refinements";

/// What the rules of replication leave open and ECR has no words for. They lie beside the rules,
/// so that `PutReplicationConfiguration` does not touch them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicationRefinements {
    /// Of a repository and a destination, the first that is about both counts.
    pub refinements: Vec<ReplicationRefinement>,
}

/// How some repositories are replicated to some destinations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationRefinement {
    /// Repositories; all of them without a filter.
    #[serde(default)]
    pub repository_filters: Vec<RepositoryFilter>,
    /// Destinations; all of them if it names none.
    #[serde(default)]
    pub destinations: Vec<ReplicationDestination>,
    /// Tags to replicate, as patterns in which `*` stands for any text; all of them without a
    /// pattern. An image that has none of them is replicated as a child of an index alone.
    #[serde(default)]
    pub tag_filters: Vec<ExclusionFilter>,
    /// Whether the repository's settings are replicated: mutability of tags, scanning, resource
    /// tags, policy and lifecycle policy.
    #[serde(default)]
    pub repository_settings: bool,
}

impl ReplicationRefinements {
    /// Returns the refinement for a repository and a destination.
    pub(crate) fn find(
        &self,
        repository: &RepositoryName,
        destination: &ReplicationDestination,
    ) -> Option<&ReplicationRefinement> {
        self.refinements.iter().find(|each| each.is_about(repository, destination))
    }
}

impl ReplicationRefinement {
    fn is_about(&self, repository: &RepositoryName, to: &ReplicationDestination) -> bool {
        let (filters, destinations) = (&self.repository_filters, &self.destinations);
        (filters.is_empty() || filters.iter().any(|filter| filter.selects(repository)))
            && (destinations.is_empty() || destinations.contains(to))
    }

    /// Returns those of the tags of an image that are replicated; `None` if it is not itself.
    pub(crate) fn select(&self, tags: &[Tag]) -> Option<Vec<Tag>> {
        if self.tag_filters.is_empty() {
            return Some(tags.to_vec());
        }
        let selects = |tag: &&Tag| self.tag_filters.iter().any(|filter| filter.matches(tag));
        let selected: Vec<_> = tags.iter().filter(selects).cloned().collect();
        Some(selected).filter(|selected| !selected.is_empty())
    }
}

impl Settings {
    /// Returns the refinements of the rules of replication.
    pub async fn replication_refinements(
        &self,
        permit: RegistryPermit,
    ) -> Result<ReplicationRefinements, RegistryError> {
        permit.must_be(Action::DescribeRegistry);
        Ok(self.find(NAME).await?.map(|(found, _)| found).unwrap_or_default())
    }

    /// Refines the rules of replication, in place of what was there.
    pub async fn put_replication_refinements(
        &self,
        permit: RegistryPermit,
        refinements: &ReplicationRefinements,
    ) -> Result<(), RegistryError> {
        permit.must_be(Action::PutReplicationConfiguration);
        self.replace(NAME, refinements).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::FilterType;

    fn tags(tags: &[&str]) -> Vec<Tag> {
        tags.iter().map(|tag| tag.parse().unwrap()).collect()
    }

    #[test]
    fn the_first_refinement_counts() {
        let to = |region: &str| ReplicationDestination {
            region: region.parse().unwrap(),
            registry_id: "123456789012".parse().unwrap(),
        };
        let refinement = |prefix: &str, regions: &[&str]| ReplicationRefinement {
            repository_filters: vec![RepositoryFilter {
                filter: prefix.to_owned(),
                filter_type: FilterType::PrefixMatch,
            }],
            destinations: regions.iter().map(|region| to(region)).collect(),
            tag_filters: Vec::new(),
            repository_settings: false,
        };
        let (one, other) = (refinement("prod", &["eu-west-1"]), refinement("pr", &[]));
        let all = ReplicationRefinements { refinements: vec![one.clone(), other.clone()] };
        let find = |name: &str, region| all.find(&name.parse().unwrap(), &to(region)).cloned();
        assert_eq!(find("prod/app", "eu-west-1"), Some(one));
        assert_eq!(find("prod/app", "eu-west-2"), Some(other));
        assert_eq!(find("team/app", "eu-west-1"), None);
    }

    #[test]
    fn tags_are_selected() {
        let mut refinement = ReplicationRefinement {
            repository_filters: Vec::new(),
            destinations: Vec::new(),
            tag_filters: Vec::new(),
            repository_settings: false,
        };
        assert_eq!(refinement.select(&[]), Some(Vec::new()));
        assert_eq!(refinement.select(&tags(&["a"])), Some(tags(&["a"])));
        refinement.tag_filters = vec!["v*".parse().unwrap(), "stable".parse().unwrap()];
        assert_eq!(
            refinement.select(&tags(&["v1", "dev", "stable"])),
            Some(tags(&["v1", "stable"]))
        );
        assert_eq!(refinement.select(&tags(&["dev"])), None);
        assert_eq!(refinement.select(&[]), None);
    }
}
