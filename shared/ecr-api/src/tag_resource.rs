//! [TagResource](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_TagResource.html).

use berth_registry::RepositoryChange;
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::required;
use crate::resource_tags::{TagInput, resource_tags, tagged_repository};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    resource_arn: Option<String>,
    tags: Option<Vec<TagInput>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Output {}

/// Gives a repository resource tags.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let name = tagged_repository(input.resource_arn, &call.api.identity)?;
    let tags = resource_tags("tags", required("tags", input.tags)?)?;
    call.change_repository(&name, RepositoryChange::Tag(tags)).await?;
    Ok(Output {})
}
