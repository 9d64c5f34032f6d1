//! [UpdateImageStorageClass](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UpdateImageStorageClass.html).

use berth_registry::RegistryError;
use berth_registry::access::Action;
use berth_registry::ports::StorageClass;
use berth_types::{RegistryId, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::image_id::{ImageIdentifier, image_selector};
use crate::parameter::{InvalidParameter, named_repository, required};

const CLASSES: [&str; 2] = ["STANDARD", "ARCHIVE"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    image_id: Option<ImageIdentifier>,
    target_storage_class: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    registry_id: RegistryId,
    repository_name: RepositoryName,
    image_id: ImageIdentifier,
    image_status: &'static str,
}

/// Moves an image to the archive, or begins to bring it back.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let id = required("imageId", input.image_id)?;
    let selector = image_selector("imageId", &id)?;
    let class = storage_class(input.target_storage_class)?;
    let permit = call.permit(Action::UpdateImageStorageClass, &name).await?;
    let updated = api.registry.archive.update_storage_class(&permit, &selector, class).await;
    let updated = updated.map_err(|error| match error {
        RegistryError::ManifestUnknown { repository, .. }
        | RegistryError::TagElsewhere { repository, .. } => {
            ApiError::ImageUnknown { repository, id: id.clone() }
        }
        error => error.into(),
    })?;
    let image_digest = Some(updated.digest.into());
    Ok(Output {
        registry_id: api.identity.registry_id.clone(),
        repository_name: name,
        image_id: ImageIdentifier { image_digest, ..id },
        image_status: updated.status.as_str(),
    })
}

fn storage_class(text: Option<String>) -> Result<StorageClass, InvalidParameter> {
    let at = "targetStorageClass";
    match required(at, text)?.as_str() {
        "STANDARD" => Ok(StorageClass::Standard),
        "ARCHIVE" => Ok(StorageClass::Archive),
        _ => Err(InvalidParameter::choice(at, &CLASSES)),
    }
}
