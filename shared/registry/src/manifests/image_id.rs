use berth_types::{Digest, Reference, Tag};

use super::record::TagRecord;
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::Place;
use crate::ports::{Consistency, ReadTable};
use crate::repositories::Repository;

/// An image, by one of its tags if it has any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageId {
    /// Digest of its manifest.
    pub digest: Digest,
    /// One of its tags.
    pub tag: Option<Tag>,
}

/// What a request names an image by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageSelector {
    /// Its digest.
    Digest(Digest),
    /// One of its tags.
    Tag(Tag),
    /// One of its tags, which must point to this digest.
    TagOfDigest(Tag, Digest),
}

impl From<&Reference> for ImageSelector {
    fn from(reference: &Reference) -> Self {
        match reference {
            Reference::Digest(digest) => Self::Digest(digest.clone()),
            Reference::Tag(tag) => Self::Tag(tag.clone()),
        }
    }
}

impl ImageSelector {
    /// Returns the tag, if the image is named by one.
    #[must_use]
    pub fn tag(&self) -> Option<&Tag> {
        match self {
            Self::Digest(_) => None,
            Self::Tag(tag) | Self::TagOfDigest(tag, _) => Some(tag),
        }
    }

    /// Returns the digest of the image in `repository`. That the image is there is proved by a tag
    /// alone.
    pub(crate) async fn resolve(
        &self,
        table: &dyn ReadTable,
        repository: &Repository,
    ) -> Result<Digest, RegistryError> {
        let (tag, expected) = match self {
            Self::Digest(digest) => return Ok(digest.clone()),
            Self::Tag(tag) => (tag, None),
            Self::TagOfDigest(tag, digest) => (tag, Some(digest)),
        };
        let key = Place::Tag(&repository.id, tag).key();
        let Some(item) = table.get(&key, Consistency::Strong).await? else {
            let (repository, reference) = (repository.name.clone(), Reference::Tag(tag.clone()));
            return Err(RegistryError::ManifestUnknown { repository, reference });
        };
        let TagRecord { digest, .. } = decode(&item)?;
        match expected {
            Some(expected) if *expected != digest => Err(RegistryError::TagElsewhere {
                repository: repository.name.clone(),
                tag: tag.clone(),
                digest: expected.clone(),
            }),
            _ => Ok(digest),
        }
    }
}
