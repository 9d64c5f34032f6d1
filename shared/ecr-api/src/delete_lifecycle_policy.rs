//! [DeleteLifecyclePolicy](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteLifecyclePolicy.html).

use berth_registry::access::Action;

use crate::api::Call;
use crate::error::ApiError;
use crate::lifecycle_policy::{PolicyDescription, PolicyOf};
use crate::parameter::named_repository;

/// Takes the lifecycle policy from a repository, and returns it.
pub(crate) async fn run(call: &Call<'_>, input: PolicyOf) -> Result<PolicyDescription, ApiError> {
    let api = call.api;
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let permit = call.permit(Action::DeleteLifecyclePolicy, &name).await?;
    let policy = api.registry.repositories.delete_lifecycle_policy(&permit).await?;
    Ok(PolicyDescription::new(name, policy.text, &api.identity).evaluated(policy.evaluated_at))
}
