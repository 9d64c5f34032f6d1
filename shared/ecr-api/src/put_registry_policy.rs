//! [PutRegistryPolicy](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutRegistryPolicy.html).

use berth_registry::access::Action;
use serde::Deserialize;

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::{required, text_length};
use crate::registry_policy::RegistryPolicy;

/// The most characters of a policy.
const MOST_CHARACTERS: usize = 10_240;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    policy_text: Option<String>,
}

/// Gives the registry a policy.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<RegistryPolicy, ApiError> {
    let api = call.api;
    let text = required("policyText", input.policy_text)?;
    text_length("policyText", &text, 0, MOST_CHARACTERS)?;
    let permit = call.registry_permit(Action::PutRegistryPolicy).await?;
    api.registry.settings.put_registry_policy(permit, &text).await?;
    Ok(RegistryPolicy::new(text, &api.identity))
}
