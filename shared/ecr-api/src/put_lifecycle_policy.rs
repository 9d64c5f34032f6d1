//! [PutLifecyclePolicy](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutLifecyclePolicy.html).

use berth_lifecycle::InvalidLifecyclePolicy;
use berth_registry::access::Action;
use serde::Deserialize;

use crate::api::Call;
use crate::error::ApiError;
use crate::lifecycle_policy::{PolicyDescription, parse_policy};
use crate::parameter::{InvalidParameter, named_repository, required, text_length};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    lifecycle_policy_text: Option<String>,
}

/// Says what happens to a repository's old images.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<PolicyDescription, ApiError> {
    let api = call.api;
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let at = "lifecyclePolicyText";
    let text = required(at, input.lifecycle_policy_text)?;
    let quotas = &api.registry.quotas;
    text_length(at, &text, 100, quotas.lifecycle_policy_length)?;
    let policy = parse_policy(&text, quotas).map_err(|error| refusal(&error))?;
    let permit = call.permit(Action::PutLifecyclePolicy, &name).await?;
    api.registry.repositories.put_lifecycle_policy(&permit, &policy).await?;
    Ok(PolicyDescription::new(name, text, &api.identity))
}

/// Says what is wrong with a policy; ECR writes the parameter with a capital letter here.
fn refusal(error: &InvalidLifecyclePolicy) -> InvalidParameter {
    let reason = format!("Lifecycle policy validation failure: {error}");
    InvalidParameter::new("LifecyclePolicyText", reason)
}
