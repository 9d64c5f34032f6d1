use berth_types::Digest;

use super::record::Layer;
use crate::access::{Action, RepositoryPermit};
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::Place;
use crate::ports::{ByteRange, Consistency, Download, Item, Key, ObjectKey, ReadTable, StoreError};
use crate::registry::Pull;

/// A blob that the repository holds.
#[derive(Clone, Debug)]
pub struct Blob {
    /// Digest.
    pub digest: Digest,
    /// Size in bytes.
    pub size: u64,
    object: ObjectKey,
    is_at_hand: bool,
}

impl Pull {
    /// Finds a blob of the repository that the permit names, to read it.
    pub async fn find_blob(
        &self,
        permit: &RepositoryPermit,
        digest: &Digest,
    ) -> Result<Blob, RegistryError> {
        permit.must_be(Action::GetDownloadUrlForLayer);
        self.find(permit, digest, Layer::is_visible).await
    }

    /// Says whether the repository that the permit names has a blob that will stay there: one that
    /// is about to be collected is not.
    pub async fn check_blob(
        &self,
        permit: &RepositoryPermit,
        digest: &Digest,
    ) -> Result<Blob, RegistryError> {
        permit.must_be(Action::BatchCheckLayerAvailability);
        self.find(permit, digest, Layer::is_offered).await
    }

    async fn find(
        &self,
        permit: &RepositoryPermit,
        digest: &Digest,
        is_wanted: fn(&Layer) -> bool,
    ) -> Result<Blob, RegistryError> {
        let repository = self.directory.recent(permit.name()).await?;
        let key = Place::Layer(&repository.id, digest).key();
        let mut item = get_immutable(self.table.as_ref(), &key).await?;
        let mut layer: Option<Layer> = item.as_ref().map(decode).transpose()?;
        if layer.as_ref().is_some_and(|layer| !layer.is_at_hand()) {
            // It may be back, and the read too old.
            item = self.table.get(&key, Consistency::Strong).await?;
            layer = item.as_ref().map(decode).transpose()?;
        }
        match layer {
            Some(layer) if is_wanted(&layer) => Ok(Blob {
                digest: digest.clone(),
                size: layer.size,
                is_at_hand: layer.is_at_hand(),
                object: layer.object,
            }),
            _ => Err(RegistryError::BlobUnknown {
                repository: permit.name().clone(),
                digest: digest.clone(),
            }),
        }
    }

    /// Returns where to get `range` of a blob that was found; the range lies within its size.
    ///
    /// # Errors
    ///
    /// [`RegistryError::BlobArchived`] if only images in the archive have it.
    pub async fn download(
        &self,
        permit: &RepositoryPermit,
        blob: &Blob,
        range: ByteRange,
    ) -> Result<Download, RegistryError> {
        permit.must_be_any(&[Action::GetDownloadUrlForLayer]);
        if !blob.is_at_hand {
            let (repository, digest) = (permit.name().clone(), blob.digest.clone());
            return Err(RegistryError::BlobArchived { repository, digest });
        }
        Ok(self.objects.download(&blob.object, range).await?)
    }

    /// Returns the URL that answers a HEAD of a blob that was found; `None` if the registry
    /// answers by itself.
    pub async fn head_url(
        &self,
        permit: &RepositoryPermit,
        blob: &Blob,
    ) -> Result<Option<String>, RegistryError> {
        permit.must_be_any(&[Action::BatchCheckLayerAvailability]);
        Ok(self.objects.head_url(&blob.object).await?)
    }
}

/// Reads an item whose presence proves that immutable bytes exist: a hit may be a moment old, a
/// miss is repeated strongly.
pub(crate) async fn get_immutable(
    table: &dyn ReadTable,
    key: &Key,
) -> Result<Option<Item>, StoreError> {
    use crate::ports::Consistency::{Eventual, Strong};
    match table.get(key, Eventual).await? {
        Some(item) => Ok(Some(item)),
        None => table.get(key, Strong).await,
    }
}
