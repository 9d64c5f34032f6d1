use berth_types::{Digest, Reference, Tag};

use super::get::StoredManifest;
use super::image_id::ImageSelector;
use crate::access::{Action, RepositoryPermit};
use crate::error::RegistryError;
use crate::layout::{RepositoryId, content, image_tags};
use crate::ports::{Consistency, Query, Select, StoreError, StoreErrorKind};
use crate::registry::Pull;

/// How many tags are read at once.
const AT_ONCE: usize = 1000;

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
            None => self.tags_of(&repository.id, &digest).await?,
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

    async fn tags_of(&self, id: &RepositoryId, digest: &Digest) -> Result<Vec<Tag>, RegistryError> {
        let prefix = image_tags(digest);
        let (mut tags, mut after) = (Vec::new(), None);
        loop {
            let query = Query {
                partition: content(id),
                prefix: prefix.clone(),
                after,
                limit: AT_ONCE,
                consistency: Consistency::Strong,
                select: Select::Keys,
            };
            let page = self.table.query(&query).await?;
            for item in page.items {
                let tag = item.key.sort.strip_prefix(&prefix).unwrap_or_default().parse();
                tags.push(tag.map_err(|error| StoreError::new(StoreErrorKind::Damaged, error))?);
            }
            after = page.next;
            if after.is_none() {
                return Ok(tags);
            }
        }
    }
}
