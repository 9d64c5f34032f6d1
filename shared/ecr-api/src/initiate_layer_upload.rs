//! [InitiateLayerUpload](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_InitiateLayerUpload.html).

use berth_registry::access::Action;
use berth_types::{Algorithm, UploadId};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::named_repository;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    upload_id: UploadId,
    part_size: u64,
}

/// Begins an upload, which `/v2/` knows as well.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let permit = call.permit(Action::InitiateLayerUpload, &name).await?;
    let upload_id = api.registry.push.begin_upload(&permit, None, Algorithm::Sha256).await?;
    Ok(Output { upload_id, part_size: api.body_limits.part })
}
