use berth_types::Tag;

use super::delete::{raise, untag};
use super::image_id::{ImageId, ImageSelector};
use crate::access::{Action, RepositoryPermit};
use crate::contention::{Attempts, won};
use crate::error::RegistryError;
use crate::ports::Condition;
use crate::registry::Removal;
use crate::repositories::Repository;

impl Removal {
    /// Deletes an image as ECR does: by its digest, with all its tags; by a tag, that tag alone,
    /// and the image with its last one. Returns what was deleted, once for each tag.
    pub async fn delete_selected(
        &self,
        permit: &RepositoryPermit,
        selector: &ImageSelector,
    ) -> Result<Vec<ImageId>, RegistryError> {
        permit.must_be(Action::BatchDeleteImage);
        let (repository, _) = self.directory.current(permit.name()).await?;
        if let Some(tag) = selector.tag() {
            return Ok(vec![self.remove_tag(&repository, selector, tag).await?]);
        }
        let digest = selector.resolve(self.table.as_ref(), &repository).await?;
        let tags = self.delete_image(&repository, &digest).await?;
        if tags.is_empty() {
            return Ok(vec![ImageId { digest, tag: None }]);
        }
        let tagged = |tag| ImageId { digest: digest.clone(), tag: Some(tag) };
        Ok(tags.into_iter().map(tagged).collect())
    }

    /// Makes sure that the repository of a batch is there, whatever becomes of its images.
    pub async fn must_have_repository(
        &self,
        permit: &RepositoryPermit,
    ) -> Result<(), RegistryError> {
        self.directory.current(permit.name()).await.map(drop)
    }

    async fn remove_tag(
        &self,
        repository: &Repository,
        selector: &ImageSelector,
        tag: &Tag,
    ) -> Result<ImageId, RegistryError> {
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
            let tags = self.some_tags(&repository.id, &digest).await?;
            let removed = if tags.iter().all(|other| other == tag) {
                doomed.tags = tags;
                self.delete_doomed(repository, &digest, &doomed).await?
            } else {
                let mut operations = untag(&repository.id, &digest, tag).to_vec();
                let condition = Condition::Version(doomed.image.version);
                operations.push(raise(&repository.id, &digest, condition));
                won(self.table.transact(operations).await)?
            };
            if removed {
                return Ok(ImageId { digest, tag: Some(tag.clone()) });
            }
            attempts.next().await?;
        }
    }
}
