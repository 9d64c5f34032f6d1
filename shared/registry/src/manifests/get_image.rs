use berth_types::{Reference, Tag};

use super::get::StoredManifest;
use super::image_id::ImageSelector;
use super::image_tags::all_tags;
use crate::access::{Action, RepositoryPermit};
use crate::error::RegistryError;
use crate::registry::Pull;

/// An image with its manifest.
#[derive(Clone, Debug)]
pub struct StoredImage {
    /// The manifest.
    pub manifest: StoredManifest,
    /// The tag that it was asked for by, or else all its tags.
    pub tags: Vec<Tag>,
}

impl Pull {
    /// Reads an image of the repository that the permit names.
    pub async fn get_image(
        &self,
        permit: &RepositoryPermit,
        selector: &ImageSelector,
    ) -> Result<StoredImage, RegistryError> {
        permit.must_be(Action::BatchGetImage);
        if let ImageSelector::Tag(tag) = selector {
            let reference = Reference::Tag(tag.clone());
            let manifest = self.get_manifest(permit, &reference).await?;
            return Ok(StoredImage { manifest, tags: vec![tag.clone()] });
        }
        let repository = self.directory.recent(permit.name()).await?;
        let digest = selector.resolve(self.table.as_ref(), &repository).await?;
        let manifest = self.get_manifest(permit, &Reference::Digest(digest.clone())).await?;
        let tags = match selector.tag() {
            Some(tag) => vec![tag.clone()],
            None => all_tags(self.table.as_ref(), &repository.id, &digest).await?,
        };
        Ok(StoredImage { manifest, tags })
    }

    /// Makes sure that the repository of a batch is there, whatever becomes of its images.
    pub async fn must_have_repository(
        &self,
        permit: &RepositoryPermit,
    ) -> Result<(), RegistryError> {
        self.directory.recent(permit.name()).await.map(drop)
    }
}
