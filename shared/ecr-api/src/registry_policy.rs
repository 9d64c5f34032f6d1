//! The registry's policy, as responses give it back.

use berth_registry::Identity;
use berth_types::RegistryId;
use serde::{Deserialize, Serialize};

/// Input of the operations that have none.
#[derive(Debug, Deserialize)]
pub(crate) struct NoInput {}

/// Output of all three operations.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RegistryPolicy {
    registry_id: RegistryId,
    policy_text: String,
}

impl RegistryPolicy {
    /// Describes the policy `text` of the registry.
    pub(crate) fn new(text: String, identity: &Identity) -> Self {
        Self { registry_id: identity.registry_id.clone(), policy_text: text }
    }
}
