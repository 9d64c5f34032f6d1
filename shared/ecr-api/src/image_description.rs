//! An image as responses give it.

use berth_types::{MediaType, RegistryId, RepositoryName};
use serde::Serialize;

use crate::image_id::ImageIdentifier;

/// The data type [Image](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Image.html).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImageDescription {
    pub(crate) registry_id: RegistryId,
    pub(crate) repository_name: RepositoryName,
    pub(crate) image_id: ImageIdentifier,
    pub(crate) image_manifest: String,
    pub(crate) image_manifest_media_type: MediaType,
}
