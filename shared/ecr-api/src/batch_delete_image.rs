//! [BatchDeleteImage](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html).

use berth_registry::ImageSelector;
use berth_registry::access::{Action, GateError, ImagePermit, RepositoryPermit};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::image_failure::ImageFailure;
use crate::image_id::{BadImageId, ImageIdentifier, image_ids};
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
/// go in the same request. Nothing goes if one of them may not.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let ids = image_ids(input.image_ids)?;
    let selectors: Vec<_> = ids.iter().map(ImageIdentifier::parse).collect();
    let permit = call.images_permit(Action::BatchDeleteImage, &name).await?;
    let removal = &api.registry.removal;
    let repository = may_delete(call, &permit, &selectors).await?;
    removal.must_have_repository(&repository).await?;
    let mut output = Output { image_ids: Vec::new(), failures: Vec::new() };
    for (id, selector) in ids.into_iter().zip(selectors) {
        let selector = match selector {
            Ok(selector) => selector,
            Err(error) => {
                output.failures.push(ImageFailure::bad(id, error));
                continue;
            }
        };
        match removal.delete_selected(&permit, &selector).await {
            Ok(deleted) => output.image_ids.extend(deleted.into_iter().map(ImageIdentifier::from)),
            Err(GateError::Registry(error)) => output.failures.push(ImageFailure::of(id, error)?),
            Err(denied) => return Err(denied.into()),
        }
    }
    Ok(output)
}

/// Asks whether all of the images may be deleted.
async fn may_delete(
    call: &Call<'_>,
    permit: &ImagePermit,
    selectors: &[Result<ImageSelector, BadImageId>],
) -> Result<RepositoryPermit, GateError> {
    let mut permitted = None;
    for selector in selectors.iter().flatten() {
        permitted = Some(call.api.registry.removal.permit_for(permit, selector).await?);
    }
    match permitted {
        Some(permit) => Ok(permit),
        None => Ok(permit.for_none()?.clone()),
    }
}
