use berth_types::Tag;

use super::image_id::{ImageId, ImageSelector};
use crate::access::{Action, GateError, ImagePermit, RepositoryPermit};
use crate::contention::{Attempts, won};
use crate::error::RegistryError;
use crate::registry::Removal;

impl Removal {
    /// Deletes an image as ECR does: by its digest, with all its tags; by a tag, that tag alone,
    /// and the image with its last one. Returns what was deleted, once for each tag.
    pub async fn delete_selected(
        &self,
        permit: &ImagePermit,
        selector: &ImageSelector,
    ) -> Result<Vec<ImageId>, GateError> {
        let digest = match selector {
            ImageSelector::Digest(digest) => digest,
            ImageSelector::Tag(tag) | ImageSelector::TagOfDigest(tag, _) => {
                let permit = self.permit_for(permit, selector).await?;
                return Ok(vec![self.remove_tag(&permit, selector, tag).await?]);
            }
        };
        let tags = self.delete_image(permit, digest).await?;
        if tags.is_empty() {
            return Ok(vec![ImageId { digest: digest.clone(), tag: None }]);
        }
        let tagged = |tag| ImageId { digest: digest.clone(), tag: Some(tag) };
        Ok(tags.into_iter().map(tagged).collect())
    }

    async fn remove_tag(
        &self,
        permit: &RepositoryPermit,
        selector: &ImageSelector,
        tag: &Tag,
    ) -> Result<ImageId, RegistryError> {
        permit.must_be(Action::BatchDeleteImage);
        let (repository, _) = &self.directory.current(permit.name()).await?;
        let mut attempts = Attempts::at(tag);
        loop {
            let digest = selector.resolve(self.table.as_ref(), repository).await?;
            // The tags are read after the image: one that comes or goes later raises its version.
            let mut doomed = match self.look_at_image(repository, &digest).await {
                Err(RegistryError::ManifestUnknown { .. }) => {
                    // The tag moved or went between the two reads.
                    attempts.next().await?;
                    continue;
                }
                looked => looked?,
            };
            let tags = self.few_tags(&repository.id, &digest).await?;
            let removed = if tags.iter().all(|other| other == tag) {
                doomed.tags = tags;
                self.delete_doomed(repository, &digest, &doomed).await?
            } else {
                let (version, tags) = (doomed.version, std::slice::from_ref(tag));
                let media_type = &doomed.summary.media_type;
                let operations = self.untagging(repository, &digest, version, media_type, tags)?;
                won(self.table.transact(operations).await)?
            };
            if removed {
                return Ok(ImageId { digest, tag: Some(tag.clone()) });
            }
            attempts.next().await?;
        }
    }

    /// Makes sure that the repository of a batch is there, whatever becomes of its images.
    pub async fn must_have_repository(
        &self,
        permit: &RepositoryPermit,
    ) -> Result<(), RegistryError> {
        self.directory.current(permit.name()).await.map(drop)
    }
}
