use berth_types::{Region, RegistryId};
use serde::{Deserialize, Serialize};

use super::{RepositoryFilter, Settings};
use crate::access::{Action, RegistryPermit};
use crate::error::RegistryError;

/// Name of the setting.
pub(crate) const NAME: &str = "replication";

/// Where images are replicated to.
///
/// Follows [ReplicationConfiguration](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ReplicationConfiguration.html).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicationConfiguration {
    /// The rules; without one nothing is replicated.
    pub rules: Vec<ReplicationRule>,
}

/// Images, and where they are replicated to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationRule {
    /// Registries.
    pub destinations: Vec<ReplicationDestination>,
    /// Repositories; all of them without a filter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repository_filters: Vec<RepositoryFilter>,
    /// Whether deletions of images and tags are replicated; they are not if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_replication: Option<DeleteReplication>,
}

/// Whether deletions of images and tags are replicated.
///
/// Follows [DeleteReplication](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteReplication.html).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteReplication {
    /// Whether they are.
    pub enabled: bool,
}

/// A registry that images are replicated to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicationDestination {
    /// Region that it stands in.
    pub region: Region,
    /// Account that owns it.
    pub registry_id: RegistryId,
}

impl Settings {
    /// Returns where images are replicated to.
    pub async fn replication(
        &self,
        permit: RegistryPermit,
    ) -> Result<ReplicationConfiguration, RegistryError> {
        permit.must_be(Action::DescribeRegistry);
        Ok(self.find(NAME).await?.map(|(found, _)| found).unwrap_or_default())
    }

    /// Says where images are replicated to.
    pub async fn put_replication(
        &self,
        permit: RegistryPermit,
        configuration: &ReplicationConfiguration,
    ) -> Result<(), RegistryError> {
        permit.must_be(Action::PutReplicationConfiguration);
        self.replace(NAME, configuration).await
    }
}
