//! [DeleteLifecyclePolicy](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteLifecyclePolicy.html).

use berth_registry::access::Action;
use berth_types::{RegistryId, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::named_repository;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
}

/// Without `lastEvaluatedAt`: nothing evaluates policies yet.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    registry_id: RegistryId,
    repository_name: RepositoryName,
    lifecycle_policy_text: String,
}

/// Takes the lifecycle policy from a repository, and returns it.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let permit = call.permit(Action::DeleteLifecyclePolicy, &name).await?;
    let text = api.registry.repositories.delete_lifecycle_policy(&permit).await?;
    Ok(Output {
        registry_id: api.identity.registry_id.clone(),
        repository_name: name,
        lifecycle_policy_text: text,
    })
}
