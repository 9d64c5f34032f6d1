//! [StopReplicationBackfill](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StopReplicationBackfill.html).

use berth_registry::ReplicationDestination;
use berth_registry::access::Action;
use berth_types::RegistryId;
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::registry_is_here;
use crate::replication_backfill::{backfill_id, status};
use crate::repository_description::epoch_seconds;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    replication_backfill_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    registry_id: RegistryId,
    replication_backfill_id: String,
    destination: ReplicationDestination,
    status: &'static str,
    started_at: f64,
}

/// Stops a backfill.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let identity = &call.api.identity;
    registry_is_here("registryId", input.registry_id, identity)?;
    let id = backfill_id(input.replication_backfill_id)?;
    let permit = call.registry_permit(Action::StopReplicationBackfill).await?;
    let backfill = call.api.registry.backfills.stop(permit, id).await?;
    Ok(Output {
        registry_id: identity.registry_id.clone(),
        replication_backfill_id: id.to_string(),
        status: status(backfill.status),
        started_at: epoch_seconds(backfill.started_at),
        destination: backfill.destination,
    })
}
