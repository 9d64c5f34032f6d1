//! [PutImageTagMutability](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImageTagMutability.html).

use berth_registry::RepositoryChange;
use berth_types::{RegistryId, RepositoryName, TagMutabilitySetting};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::{named_repository, required};
use crate::tag_mutability::{FilterDescription, FilterInput, describe_filters, tag_mutability};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    image_tag_mutability: Option<String>,
    image_tag_mutability_exclusion_filters: Option<Vec<FilterInput>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    registry_id: RegistryId,
    repository_name: RepositoryName,
    image_tag_mutability: TagMutabilitySetting,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    image_tag_mutability_exclusion_filters: Vec<FilterDescription>,
}

/// Says whether a repository's tags may move.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let identity = &call.api.identity;
    let name = named_repository(input.repository_name, input.registry_id, identity)?;
    let setting = required("imageTagMutability", input.image_tag_mutability)?;
    let filters = input.image_tag_mutability_exclusion_filters;
    let change = RepositoryChange::TagMutability(tag_mutability(Some(&setting), filters)?);
    let repository = call.change_repository(&name, change).await?;
    Ok(Output {
        registry_id: identity.registry_id.clone(),
        repository_name: name,
        image_tag_mutability: repository.tag_mutability.setting(),
        image_tag_mutability_exclusion_filters: describe_filters(&repository.tag_mutability),
    })
}
