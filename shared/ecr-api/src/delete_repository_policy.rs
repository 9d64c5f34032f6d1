//! [DeleteRepositoryPolicy](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepositoryPolicy.html).

use berth_registry::access::Action;

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::named_repository;
use crate::repository_policy::{Input, RepositoryPolicy};

/// Takes the policy from a repository, and returns what it was.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<RepositoryPolicy, ApiError> {
    let identity = &call.api.identity;
    let name = named_repository(input.repository_name, input.registry_id, identity)?;
    let permit = call.permit(Action::DeleteRepositoryPolicy, &name).await?;
    let text = call.api.registry.repositories.delete_policy(&permit).await?;
    Ok(RepositoryPolicy::new(name, text, identity))
}
