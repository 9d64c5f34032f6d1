//! [UntagResource](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UntagResource.html).

use berth_registry::RepositoryChange;
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::required;
use crate::resource_tags::{tag_keys, tagged_repository};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    resource_arn: Option<String>,
    tag_keys: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Output {}

/// Takes resource tags from a repository; keys that it does not have are no error.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let name = tagged_repository(input.resource_arn, &call.api.identity)?;
    let keys = required("tagKeys", input.tag_keys)?;
    tag_keys("tagKeys", &keys)?;
    call.change_repository(&name, RepositoryChange::Untag(keys)).await?;
    Ok(Output {})
}
