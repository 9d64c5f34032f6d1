//! [DeleteRegistryPolicy](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRegistryPolicy.html).

use berth_registry::access::Action;

use crate::api::Call;
use crate::error::ApiError;
use crate::registry_policy::{NoInput, RegistryPolicy};

/// Takes the policy from the registry, and returns what it was.
pub(crate) async fn run(call: &Call<'_>, _: NoInput) -> Result<RegistryPolicy, ApiError> {
    let api = call.api;
    let permit = call.registry_permit(Action::DeleteRegistryPolicy).await?;
    let text = api.registry.settings.delete_registry_policy(permit).await?;
    Ok(RegistryPolicy::new(text, &api.identity))
}
