//! [DescribeRegistry](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRegistry.html).

use berth_registry::ReplicationConfiguration;
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
    replication_configuration: ReplicationConfiguration,
}

/// Describes the registry.
pub(crate) async fn run(call: &Call<'_>, _: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let permit = call.registry_permit(Action::DescribeRegistry).await?;
    Ok(Output {
        registry_id: api.identity.registry_id.clone(),
        replication_configuration: api.registry.settings.replication(permit).await?,
    })
}
