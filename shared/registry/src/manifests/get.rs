use berth_types::{Digest, MediaType, Reference};
use bytes::Bytes;

use super::record::{Image, ManifestRecord, TagRecord};
use crate::access::{Action, RepositoryPermit};
use crate::archive::{ImageStatus, StatusReader};
use crate::blobs::get_immutable;
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::Place;
use crate::ports::Consistency;
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
        let found = match reference {
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
        let head = found.ok_or_else(|| unknown(&repository, reference))?;
        self.must_be_active(&repository, &head.digest, reference).await?;
        Ok(head)
    }

    /// Reads a manifest of the repository that the permit names, which counts as a pull of the
    /// image.
    pub async fn get_manifest(
        &self,
        permit: &RepositoryPermit,
        reference: &Reference,
    ) -> Result<StoredManifest, RegistryError> {
        permit.must_be(Action::BatchGetImage);
        let repository = self.directory.recent(permit.name()).await?;
        let manifest = self.read_manifest(&repository, reference).await?;
        if let Some(recorder) = &self.recorder {
            recorder.record(permit.principal(), &repository.id, &manifest.digest).await;
        }
        Ok(manifest)
    }

    async fn read_manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<StoredManifest, RegistryError> {
        let unknown = || unknown(repository, reference);
        if let Reference::Digest(digest) = reference {
            self.must_be_active(repository, digest, reference).await?;
            return self.stored(repository, digest).await?.ok_or_else(unknown);
        }
        let mut seen = None;
        loop {
            let tagged = self.tagged(repository, reference).await?.ok_or_else(unknown)?;
            let TagRecord { digest, media_type, .. } = tagged;
            self.must_be_active(repository, &digest, reference).await?;
            if let Some(bytes) = self.cache.get(&digest, &media_type) {
                return Ok(StoredManifest { digest, media_type, bytes });
            }
            if let Some(manifest) = self.stored(repository, &digest).await? {
                return Ok(manifest);
            }
            // The tag moved and its old image was deleted between the two reads: look again.
            if seen.replace(digest.clone()) == Some(digest) {
                return Err(unknown());
            }
        }
    }

    /// Refuses an image that is in the archive, or on its way back.
    async fn must_be_active(
        &self,
        repository: &Repository,
        digest: &Digest,
        reference: &Reference,
    ) -> Result<(), RegistryError> {
        let statuses = StatusReader { table: self.table.as_ref(), repository };
        match statuses.of(digest).await? {
            ImageStatus::Active => Ok(()),
            ImageStatus::Archived | ImageStatus::Activating => Err(RegistryError::ImageArchived {
                repository: repository.name.clone(),
                reference: reference.clone(),
            }),
        }
    }

    async fn stored(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<StoredManifest>, RegistryError> {
        let key = Place::Manifest(&repository.id, digest).key();
        let Some(item) = get_immutable(self.table.as_ref(), &key).await? else {
            return Ok(None);
        };
        let ManifestRecord { media_type, bytes } = ManifestRecord::read(&item)?;
        if let Some(bytes) = self.cache.get(digest, &media_type) {
            return Ok(Some(StoredManifest { digest: digest.clone(), media_type, bytes }));
        }
        let bytes = bytes.read(self.objects.as_ref()).await?;
        self.cache.remember(digest, &media_type, &bytes);
        Ok(Some(StoredManifest { digest: digest.clone(), media_type, bytes }))
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
}

fn unknown(repository: &Repository, reference: &Reference) -> RegistryError {
    RegistryError::ManifestUnknown {
        repository: repository.name.clone(),
        reference: reference.clone(),
    }
}
