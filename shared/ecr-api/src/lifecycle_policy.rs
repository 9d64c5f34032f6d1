//! A repository's lifecycle policy, as requests name it and responses give it back.

use berth_lifecycle::{InvalidLifecyclePolicy, LifecyclePolicy};
use berth_registry::ports::Timestamp;
use berth_registry::{Identity, Quotas};
use berth_types::{RegistryId, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::parameter::{InvalidParameter, text_length};
use crate::repository_description::epoch_seconds;

/// Input of the operations that name a repository and no more.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyOf {
    pub(crate) registry_id: Option<String>,
    pub(crate) repository_name: Option<String>,
}

/// Output of all operations about a policy.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PolicyDescription {
    registry_id: RegistryId,
    repository_name: RepositoryName,
    lifecycle_policy_text: String,
    /// When the policy was evaluated last, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_evaluated_at: Option<f64>,
}

/// Parses a policy, which has no more rules than it may have.
pub(crate) fn parse_policy(
    text: &str,
    quotas: &Quotas,
) -> Result<LifecyclePolicy, InvalidLifecyclePolicy> {
    let policy: LifecyclePolicy = text.parse()?;
    let (found, maximum) = (policy.rules().len(), quotas.rules_per_lifecycle_policy);
    match found <= maximum {
        true => Ok(policy),
        false => Err(InvalidLifecyclePolicy::TooMany { maximum, found }),
    }
}

/// Checks the parameter `lifecyclePolicyText`, which is given, and parses it.
pub(crate) fn given_policy(
    text: &str,
    quotas: &Quotas,
) -> Result<LifecyclePolicy, InvalidParameter> {
    text_length("lifecyclePolicyText", text, 100, quotas.lifecycle_policy_length)?;
    parse_policy(text, quotas).map_err(|error| {
        // ECR writes the parameter with a capital letter here.
        let reason = format!("Lifecycle policy validation failure: {error}");
        InvalidParameter::new("LifecyclePolicyText", reason)
    })
}

impl PolicyDescription {
    /// Describes the policy `text` of a repository.
    pub(crate) fn new(name: RepositoryName, text: String, identity: &Identity) -> Self {
        let registry_id = identity.registry_id.clone();
        Self {
            registry_id,
            repository_name: name,
            lifecycle_policy_text: text,
            last_evaluated_at: None,
        }
    }

    /// Says when the policy was evaluated; if never, as ECR does: with the time 0.
    pub(crate) fn evaluated(self, at: Option<Timestamp>) -> Self {
        Self { last_evaluated_at: Some(at.map_or(0.0, epoch_seconds)), ..self }
    }
}
