use berth_types::{Digest, MediaType, Reference};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use super::record::{Image, ManifestBytes, ManifestRecord, TagRecord};
use crate::access::{Action, RepositoryPermit};
use crate::blobs::get_immutable;
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::Place;
use crate::ports::{Consistency, ObjectKey, PutError, StoreError, StoreErrorKind};
use crate::registry::Pull;
use crate::repositories::Repository;

/// What is known of a manifest without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestHead {
    /// Digest.
    pub digest: Digest,
    /// Media type.
    pub media_type: MediaType,
    /// Size in bytes.
    pub size: u64,
}

/// A manifest, byte for byte as it was pushed.
#[derive(Clone, Debug)]
pub struct StoredManifest {
    /// Digest.
    pub digest: Digest,
    /// Media type.
    pub media_type: MediaType,
    /// The bytes.
    pub bytes: Bytes,
}

impl Pull {
    /// Finds a manifest of the repository that the permit names.
    pub async fn head_manifest(
        &self,
        permit: &RepositoryPermit,
        reference: &Reference,
    ) -> Result<ManifestHead, RegistryError> {
        permit.must_be(Action::BatchGetImage);
        let repository = self.directory.recent(permit.name()).await?;
        let tagged = match reference {
            Reference::Digest(digest) => {
                let key = Place::Image(&repository.id, digest).key();
                let item = get_immutable(self.table.as_ref(), &key).await?;
                item.as_ref().map(decode::<Image>).transpose()?.map(|image| ManifestHead {
                    digest: digest.clone(),
                    media_type: image.media_type,
                    size: image.manifest_size,
                })
            }
            Reference::Tag(_) => self.tagged(&repository, reference).await?.map(|record| {
                let TagRecord { digest, media_type, size } = record;
                ManifestHead { digest, media_type, size }
            }),
        };
        tagged.ok_or_else(|| unknown(&repository, reference))
    }

    /// Reads a manifest of the repository that the permit names.
    pub async fn get_manifest(
        &self,
        permit: &RepositoryPermit,
        reference: &Reference,
    ) -> Result<StoredManifest, RegistryError> {
        permit.must_be(Action::BatchGetImage);
        let repository = self.directory.recent(permit.name()).await?;
        let digest = match reference {
            Reference::Digest(digest) => digest.clone(),
            Reference::Tag(_) => {
                let tagged = self.tagged(&repository, reference).await?;
                let tagged = tagged.ok_or_else(|| unknown(&repository, reference))?;
                let TagRecord { digest, media_type, .. } = tagged;
                if let Some(bytes) = self.cache.get(&digest, &media_type) {
                    return Ok(StoredManifest { digest, media_type, bytes });
                }
                digest
            }
        };
        let key = Place::Manifest(&repository.id, &digest).key();
        let item = get_immutable(self.table.as_ref(), &key).await?;
        let item = item.ok_or_else(|| unknown(&repository, reference))?;
        let ManifestRecord { media_type, bytes } = ManifestRecord::read(&item)?;
        let bytes = match bytes {
            ManifestBytes::Here(bytes) => bytes,
            ManifestBytes::Object(object, size) => match self.cache.get(&digest, &media_type) {
                Some(bytes) => bytes,
                None => self.read_whole(&object, size).await?,
            },
        };
        self.cache.remember(&digest, &media_type, &bytes);
        Ok(StoredManifest { digest, media_type, bytes })
    }

    async fn tagged(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<Option<TagRecord>, RegistryError> {
        let Reference::Tag(tag) = reference else {
            return Ok(None);
        };
        let key = Place::Tag(&repository.id, tag).key();
        let item = self.table.get(&key, Consistency::Strong).await?;
        Ok(item.as_ref().map(decode).transpose()?)
    }

    async fn read_whole(&self, object: &ObjectKey, size: u64) -> Result<Bytes, RegistryError> {
        let mut stream = self.objects.read(object, 0..size).await?;
        let mut bytes = BytesMut::new();
        while let Some(piece) = stream.next().await {
            bytes.extend_from_slice(&piece.map_err(PutError::Body)?);
        }
        if bytes.len() as u64 != size {
            let error = StoreError::new(StoreErrorKind::Damaged, "manifest has another length");
            return Err(error.into());
        }
        Ok(bytes.freeze())
    }
}

fn unknown(repository: &Repository, reference: &Reference) -> RegistryError {
    RegistryError::ManifestUnknown {
        repository: repository.name.clone(),
        reference: reference.clone(),
    }
}
