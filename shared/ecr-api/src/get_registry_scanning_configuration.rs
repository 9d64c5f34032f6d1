//! [GetRegistryScanningConfiguration](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRegistryScanningConfiguration.html).

use berth_registry::ScanningConfiguration;
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
    scanning_configuration: ScanningConfiguration,
}

/// Returns how images are scanned.
pub(crate) async fn run(call: &Call<'_>, _: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let permit = call.registry_permit(Action::GetRegistryScanningConfiguration).await?;
    Ok(Output {
        registry_id: api.identity.registry_id.clone(),
        scanning_configuration: api.registry.settings.scanning(permit).await?,
    })
}
