//! [DescribeImageReplicationStatus](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageReplicationStatus.html).

use berth_registry::access::Action;
use berth_registry::{ImageId, ImageReplicationStatus, ReplicationState};
use berth_types::{Region, RegistryId, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::image_id::{ImageIdentifier, image_selector};
use crate::parameter::{named_repository, required};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    image_id: Option<ImageIdentifier>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    repository_name: RepositoryName,
    image_id: ImageIdentifier,
    replication_statuses: Vec<ReplicationStatus>,
}

/// The data type [ImageReplicationStatus](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageReplicationStatus.html).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ReplicationStatus {
    region: Region,
    registry_id: RegistryId,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_code: Option<String>,
}

/// Tells how far the replications of an image are.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let selector = image_selector("imageId", &required("imageId", input.image_id)?)?;
    let permit = call.images_permit(Action::DescribeImageReplicationStatus, &name).await?;
    let permit = api.registry.pull.permit_for(&permit, &selector).await?;
    let (digest, statuses) = api.registry.pull.replication_statuses(&permit, &selector).await?;
    Ok(Output {
        repository_name: name,
        image_id: ImageId { digest, tag: selector.tag().cloned() }.into(),
        replication_statuses: statuses.into_iter().map(ReplicationStatus::from).collect(),
    })
}

impl From<ImageReplicationStatus> for ReplicationStatus {
    fn from(ImageReplicationStatus { destination, state, .. }: ImageReplicationStatus) -> Self {
        let (status, failure_code) = match state {
            ReplicationState::InProgress => ("IN_PROGRESS", None),
            ReplicationState::Complete => ("COMPLETE", None),
            ReplicationState::Failed(failure) => ("FAILED", Some(failure.code)),
        };
        let (region, registry_id) = (destination.region, destination.registry_id);
        Self { region, registry_id, status, failure_code }
    }
}
