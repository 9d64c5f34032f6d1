//! The policy of a repository: how it is asked for, and what the operations on it answer.

use berth_registry::Identity;
use berth_types::{RegistryId, RepositoryName};
use serde::{Deserialize, Serialize};

/// Input of the operations that name a repository and nothing else.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    pub(crate) registry_id: Option<String>,
    pub(crate) repository_name: Option<String>,
}

/// Output of all three operations.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RepositoryPolicy {
    registry_id: RegistryId,
    repository_name: RepositoryName,
    policy_text: String,
}

impl RepositoryPolicy {
    /// Describes the policy `text` of a repository.
    pub(crate) fn new(name: RepositoryName, text: String, identity: &Identity) -> Self {
        let registry_id = identity.registry_id.clone();
        Self { registry_id, repository_name: name, policy_text: text }
    }
}
