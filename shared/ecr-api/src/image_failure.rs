//! What is told of an image that an operation on several failed on.

use berth_registry::RegistryError;
use berth_types::Digest;
use serde::Serialize;

use crate::image_id::{BadImageId, IMAGE_DIGEST, IMAGE_TAG, ImageIdentifier};

/// The data type [ImageFailure](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageFailure.html).
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImageFailure {
    image_id: ImageIdentifier,
    failure_code: &'static str,
    failure_reason: String,
}

impl ImageFailure {
    /// Says that there is no such image.
    pub(crate) fn not_found(image_id: ImageIdentifier) -> Self {
        Self::new(image_id, "ImageNotFound", "Requested image not found")
    }

    /// Says why an id names no image.
    pub(crate) fn bad(image_id: ImageIdentifier, error: BadImageId) -> Self {
        let invalid = |what: &str| format!("Invalid request parameters: {what}");
        match error {
            BadImageId::Unknown => Self::not_found(image_id),
            BadImageId::Empty => {
                let reason = invalid("both tag and digest cannot be null");
                Self::new(image_id, "MissingDigestAndTag", reason)
            }
            BadImageId::Digest => {
                let reason =
                    invalid(&format!("image digest should satisfy the regex '{IMAGE_DIGEST}'"));
                Self::new(image_id, "InvalidImageDigest", reason)
            }
            BadImageId::Tag => {
                let reason = invalid(&format!("image tag should satisfy the regex '{IMAGE_TAG}'"));
                Self::new(image_id, "InvalidImageTag", reason)
            }
        }
    }

    /// Says why a use case refused one image; other errors are those of the whole operation.
    pub(crate) fn of(
        image_id: ImageIdentifier,
        error: RegistryError,
    ) -> Result<Self, RegistryError> {
        match error {
            RegistryError::ManifestUnknown { .. } => Ok(Self::not_found(image_id)),
            RegistryError::ImageArchived { .. } => {
                let reason = "Requested image is archived";
                Ok(Self::new(image_id, "ImageInaccessible", reason))
            }
            RegistryError::TagElsewhere { .. } => {
                let reason =
                    "Invalid request parameters: given tag does not map to the given digest";
                Ok(Self::new(image_id, "ImageTagDoesNotMatchDigest", reason))
            }
            RegistryError::ImageReferenced { parents, .. } => {
                let parents: Vec<_> = parents.iter().map(Digest::as_str).collect();
                let parents = parents.join(", ");
                let reason = format!("Requested image referenced by manifest list: [{parents}]");
                Ok(Self::new(image_id, "ImageReferencedByManifestList", reason))
            }
            error => Err(error),
        }
    }

    fn new(image_id: ImageIdentifier, code: &'static str, reason: impl Into<String>) -> Self {
        Self { image_id, failure_code: code, failure_reason: reason.into() }
    }
}
