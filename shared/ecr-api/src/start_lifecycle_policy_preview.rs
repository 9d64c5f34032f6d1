//! [StartLifecyclePolicyPreview](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartLifecyclePolicyPreview.html).

use berth_registry::access::Action;
use berth_types::{RegistryId, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::lifecycle_policy::given_policy;
use crate::parameter::named_repository;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    lifecycle_policy_text: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    registry_id: RegistryId,
    repository_name: RepositoryName,
    lifecycle_policy_text: String,
    status: &'static str,
}

/// Begins to find out what the given policy, or else the repository's own, would do to its images.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let text = input.lifecycle_policy_text;
    let parse = |text: String| given_policy(&text, &api.registry.quotas);
    let policy = text.map(parse).transpose()?;
    let permit = call.permit(Action::StartLifecyclePolicyPreview, &name).await?;
    let started = api.registry.lifecycle_previews.start(&permit, policy.as_ref()).await?;
    Ok(Output {
        registry_id: api.identity.registry_id.clone(),
        repository_name: name,
        lifecycle_policy_text: started.policy,
        status: "IN_PROGRESS",
    })
}
