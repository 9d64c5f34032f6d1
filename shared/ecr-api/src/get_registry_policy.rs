//! [GetRegistryPolicy](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRegistryPolicy.html).

use berth_registry::access::Action;

use crate::api::Call;
use crate::error::ApiError;
use crate::registry_policy::{NoInput, RegistryPolicy};

/// Returns the registry's policy, as it was given.
pub(crate) async fn run(call: &Call<'_>, _: NoInput) -> Result<RegistryPolicy, ApiError> {
    let api = call.api;
    let permit = call.registry_permit(Action::GetRegistryPolicy).await?;
    let text = api.registry.settings.registry_policy(permit).await?;
    Ok(RegistryPolicy::new(text, &api.identity))
}
