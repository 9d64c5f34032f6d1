//! [DeleteSigningConfiguration](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteSigningConfiguration.html).

use berth_registry::SigningConfiguration;
use berth_registry::access::Action;
use berth_types::RegistryId;
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;

#[derive(Debug, Deserialize)]
pub(crate) struct Input {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    registry_id: RegistryId,
    signing_configuration: SigningConfiguration,
}

/// Forgets which images are signed, and returns which ones were.
pub(crate) async fn run(call: &Call<'_>, _: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let permit = call.registry_permit(Action::DeleteSigningConfiguration).await?;
    Ok(Output {
        registry_id: api.identity.registry_id.clone(),
        signing_configuration: api.registry.settings.delete_signing(permit).await?,
    })
}
