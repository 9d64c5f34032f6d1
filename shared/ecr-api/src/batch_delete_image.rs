//! [BatchDeleteImage](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html).

use berth_registry::access::{Action, Facts};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::image_failure::ImageFailure;
use crate::image_id::{ImageIdentifier, image_ids};
use crate::parameter::named_repository;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    image_ids: Option<Vec<ImageIdentifier>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    image_ids: Vec<ImageIdentifier>,
    failures: Vec<ImageFailure>,
}

/// Deletes images and tags, one after the other: an index that comes before its images lets them
/// go in the same request.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let ids = image_ids(input.image_ids)?;
    let image_tags = ids.iter().filter_map(|id| id.image_tag.as_ref()?.parse().ok()).collect();
    let facts = Facts { image_tags, ..call.facts() };
    let permit = call.permit_with(Action::BatchDeleteImage, &name, &facts).await?;
    let removal = &api.registry.removal;
    removal.must_have_repository(&permit).await?;
    let mut output = Output { image_ids: Vec::new(), failures: Vec::new() };
    for id in ids {
        let selector = match id.parse() {
            Ok(selector) => selector,
            Err(error) => {
                output.failures.push(ImageFailure::bad(id, error));
                continue;
            }
        };
        match removal.delete_selected(&permit, &selector).await {
            Ok(deleted) => output.image_ids.extend(deleted.into_iter().map(ImageIdentifier::from)),
            Err(error) => output.failures.push(ImageFailure::of(id, error)?),
        }
    }
    Ok(output)
}
