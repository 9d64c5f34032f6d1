//! [GetRepositoryPolicy](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRepositoryPolicy.html).

use berth_registry::access::Action;

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::named_repository;
use crate::repository_policy::{Input, RepositoryPolicy};

/// Returns the policy of a repository, as it was given.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<RepositoryPolicy, ApiError> {
    let identity = &call.api.identity;
    let name = named_repository(input.repository_name, input.registry_id, identity)?;
    let permit = call.permit(Action::GetRepositoryPolicy, &name).await?;
    let text = call.api.registry.repositories.policy(&permit).await?;
    Ok(RepositoryPolicy::new(name, text, identity))
}
