//! [PutLifecyclePolicy](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutLifecyclePolicy.html).

use berth_registry::access::Action;
use serde::Deserialize;

use crate::api::Call;
use crate::error::ApiError;
use crate::lifecycle_policy::{PolicyDescription, given_policy};
use crate::parameter::{named_repository, required};

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
    let text = required("lifecyclePolicyText", input.lifecycle_policy_text)?;
    let policy = given_policy(&text, &api.registry.quotas)?;
    let permit = call.permit(Action::PutLifecyclePolicy, &name).await?;
    api.registry.repositories.put_lifecycle_policy(&permit, &policy).await?;
    Ok(PolicyDescription::new(name, text, &api.identity))
}
