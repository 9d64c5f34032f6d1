//! [ListTagsForResource](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListTagsForResource.html).

use berth_registry::access::Action;
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::resource_tags::{TagDescription, tagged_repository};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    resource_arn: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Output {
    tags: Vec<TagDescription>,
}

/// Lists the resource tags of a repository, by key.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let name = tagged_repository(input.resource_arn, &api.identity)?;
    let permit = call.permit(Action::ListTagsForResource, &name).await?;
    let tags = api.registry.repositories.resource_tags(&permit).await?;
    Ok(Output { tags: tags.into_iter().map(TagDescription::from).collect() })
}
