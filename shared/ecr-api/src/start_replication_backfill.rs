//! [StartReplicationBackfill](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartReplicationBackfill.html).

use berth_registry::access::Action;
use berth_types::RegistryId;
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::{registry_is_here, required};
use crate::put_replication_configuration::{DestinationInput, destination};
use crate::replication_backfill::Summary;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    destination: Option<DestinationInput>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    registry_id: RegistryId,
    #[serde(flatten)]
    backfill: Summary,
}

/// Begins a backfill.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let identity = &call.api.identity;
    registry_is_here("registryId", input.registry_id, identity)?;
    let destination = destination("destination", required("destination", input.destination)?)?;
    let permit = call.registry_permit(Action::StartReplicationBackfill).await?;
    let backfill = call.api.registry.backfills.start(permit, identity, destination).await?;
    Ok(Output { registry_id: identity.registry_id.clone(), backfill: backfill.into() })
}
