use berth_types::Digest;

use super::record::ManifestRecord;
use super::walk::Walk;
use crate::error::RegistryError;
use crate::layout::{Place, RepositoryId};
use crate::ports::{Consistency, Select};
use crate::registry::Removal;

impl Removal {
    /// Finds the indexes that list an image, to tell a client which to delete first. Nothing leads
    /// from an image to its parents, so this reads the repository's images, to a bound.
    pub(super) async fn parents(
        &self,
        id: &RepositoryId,
        child: &Digest,
    ) -> Result<Vec<Digest>, RegistryError> {
        let mut parents = Vec::new();
        let mut walk = Walk::over(self.table.as_ref(), id, None, Select::Items);
        while let Some(walked) = walk.next_image().await? {
            if walked.image.is_index() && self.lists(id, &walked.digest, child).await? {
                parents.push(walked.digest);
            }
            if walk.is_long() {
                break;
            }
        }
        Ok(parents)
    }

    /// Whether an index lists an image.
    async fn lists(
        &self,
        id: &RepositoryId,
        index: &Digest,
        child: &Digest,
    ) -> Result<bool, RegistryError> {
        let key = Place::Manifest(id, index).key();
        let Some(item) = self.table.get(&key, Consistency::Strong).await? else {
            return Ok(false);
        };
        let manifest = ManifestRecord::read(&item)?.parse(self.objects.as_ref()).await?;
        Ok(manifest.children().iter().any(|listed| listed.digest == *child))
    }
}
