//! [PutRegistryPolicy](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutRegistryPolicy.html).

use berth_registry::access::Action;
use serde::Deserialize;

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::{required, text_length};
use crate::registry_policy::RegistryPolicy;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    policy_text: Option<String>,
}

/// Gives the registry a policy.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<RegistryPolicy, ApiError> {
    let api = call.api;
    let text = required("policyText", input.policy_text)?;
    text_length("policyText", &text, 0, api.registry.quotas.registry_policy_length)?;
    let permit = call.registry_permit(Action::PutRegistryPolicy).await?;
    api.registry.settings.put_registry_policy(permit, &text).await?;
    Ok(RegistryPolicy::new(text, &api.identity))
}
