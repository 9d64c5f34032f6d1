use berth_types::{
    Annotations, Descriptor, Digest, Manifest, ManifestContent, MediaType, media_types,
};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};

use super::put::distinct;
use crate::archive::ImageStorage;
use crate::document::{decode, encode};
use crate::error::RegistryError;
use crate::layout::Place;
use crate::ports::{
    Attributes, Condition, Item, ObjectKey, Operation, PutError, ReadObjects, StoreError,
    StoreErrorKind, Timestamp,
};
use crate::repositories::Repository;

/// Counter of the indexes that list an image.
pub(crate) const PARENTS: &str = "parents";

/// Attribute of a tag: the digest it points to, which moves of the tag are conditional on.
pub(crate) const DIGEST: &str = "digest";

/// Attribute of a manifest: its media type.
const MEDIA_TYPE: &str = "mediaType";

/// Attribute of a manifest that is too large for its item: the object that holds it.
const OBJECT: &str = "object";

/// Attribute of such a manifest: its size in bytes.
const SIZE: &str = "size";

/// Summary of an image: what lists and descriptions need.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Image {
    /// Media type of the manifest.
    pub(crate) media_type: MediaType,
    /// Size of the manifest, in bytes.
    pub(crate) manifest_size: u64,
    /// Sum of the sizes that the manifest gives its config and layers, in bytes; of an index, the
    /// largest of its children's.
    pub(crate) content_size: u64,
    /// When it was first pushed.
    pub(crate) pushed_at: Timestamp,
    /// Type of the artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) artifact_type: Option<String>,
    /// Manifest that it refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<Digest>,
    /// Children of a sparse index that were not there when it was pushed, and so don't count it
    /// among their parents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) uncounted: Vec<Digest>,
    /// Where it is kept.
    #[serde(default, skip_serializing_if = "ImageStorage::is_default")]
    pub(crate) storage: ImageStorage,
}

impl Image {
    /// Whether it is an index.
    pub(crate) fn is_index(&self) -> bool {
        [media_types::OCI_INDEX, media_types::DOCKER_LIST].contains(&self.media_type.as_str())
    }

    /// Returns the children that count it among their parents, each once; `manifest` is its own.
    pub(crate) fn counted_children(&self, manifest: &Manifest) -> Vec<Digest> {
        let children = manifest.children().iter().map(|child| &child.digest);
        distinct(children.filter(|child| !self.uncounted.contains(child)).cloned())
    }
}

/// Document of a tag: all that a HEAD answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TagRecord {
    /// Image that the tag points to.
    pub(crate) digest: Digest,
    /// Media type of its manifest.
    pub(crate) media_type: MediaType,
    /// Size of its manifest, in bytes.
    pub(crate) size: u64,
}

/// Where a manifest's bytes are.
#[derive(Clone, Debug)]
pub(crate) enum ManifestBytes {
    /// In the item.
    Here(Bytes),
    /// In an object of that many bytes.
    Object(ObjectKey, u64),
}

/// Item of a manifest.
#[derive(Clone, Debug)]
pub(crate) struct ManifestRecord {
    /// Media type.
    pub(crate) media_type: MediaType,
    /// The bytes.
    pub(crate) bytes: ManifestBytes,
}

impl ManifestBytes {
    /// Returns the bytes, wherever they are.
    pub(crate) async fn read(self, objects: &dyn ReadObjects) -> Result<Bytes, RegistryError> {
        let (object, size) = match self {
            Self::Here(bytes) => return Ok(bytes),
            Self::Object(object, size) => (object, size),
        };
        let mut stream = objects.read(&object, 0..size).await?;
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

impl ManifestRecord {
    pub(crate) fn read(item: &Item) -> Result<Self, StoreError> {
        let damaged = || StoreError::new(StoreErrorKind::Damaged, "manifest without a media type");
        let attribute = |name| item.attributes.get(name).map(String::as_str);
        let media_type = attribute(MEDIA_TYPE).and_then(|text| text.parse().ok());
        let media_type = media_type.ok_or_else(damaged)?;
        let size = attribute(SIZE).and_then(|text| text.parse().ok());
        let bytes = match (attribute(OBJECT), size) {
            (Some(object), Some(size)) => {
                ManifestBytes::Object(ObjectKey::new(object.to_owned()), size)
            }
            _ => ManifestBytes::Here(item.document.clone()),
        };
        Ok(Self { media_type, bytes })
    }

    /// Parses the manifest, wherever its bytes are.
    pub(crate) async fn parse(self, objects: &dyn ReadObjects) -> Result<Manifest, RegistryError> {
        let text = self.bytes.read(objects).await?;
        Ok(Manifest::parse(Some(&self.media_type), &text)?)
    }

    /// Returns the object that holds the bytes, if one does.
    pub(crate) fn object(&self) -> Option<&ObjectKey> {
        match &self.bytes {
            ManifestBytes::Here(_) => None,
            ManifestBytes::Object(object, _) => Some(object),
        }
    }

    pub(crate) fn creation(
        &self,
        repository: &Repository,
        digest: &Digest,
        now: Timestamp,
    ) -> Operation {
        let media_type = (MEDIA_TYPE.to_owned(), self.media_type.to_string());
        let mut attributes = Attributes::from([media_type]);
        let document = match &self.bytes {
            ManifestBytes::Here(bytes) => bytes.clone(),
            ManifestBytes::Object(object, size) => {
                attributes.insert(OBJECT.to_owned(), object.as_str().to_owned());
                attributes.insert(SIZE.to_owned(), size.to_string());
                Bytes::new()
            }
        };
        Operation::Put {
            key: Place::Manifest(&repository.id, digest).key(),
            document,
            attributes,
            first_version: now.millis(),
            condition: Condition::Any,
        }
    }
}

impl TagRecord {
    /// Returns the operation that points `tag` to this record's image.
    pub(crate) fn put(
        &self,
        repository: &Repository,
        tag: &berth_types::Tag,
        now: Timestamp,
        condition: Condition,
    ) -> Result<Operation, StoreError> {
        Ok(Operation::Put {
            key: Place::Tag(&repository.id, tag).key(),
            document: encode(self)?,
            attributes: Attributes::from([(DIGEST.to_owned(), self.digest.to_string())]),
            first_version: now.millis(),
            condition,
        })
    }
}

/// Returns the sum of the sizes that a manifest gives its config and layers or, of an index, the
/// largest of its children's, as ECR counts.
pub(crate) fn content_size(
    manifest: &Manifest,
    children: &[Option<Item>],
) -> Result<u64, StoreError> {
    match &manifest.content {
        ManifestContent::Image { config, layers } => {
            Ok(layers.iter().fold(config.size, |sum, layer| sum.saturating_add(layer.size)))
        }
        ManifestContent::Index { .. } => {
            let mut largest = 0;
            for child in children.iter().flatten() {
                largest = largest.max(decode::<Image>(child)?.content_size);
            }
            Ok(largest)
        }
    }
}

/// Returns how a referrers list describes a manifest.
pub(crate) fn referrer_descriptor(
    manifest: &Manifest,
    media_type: &MediaType,
    digest: &Digest,
    size: u64,
) -> Descriptor {
    let annotations: Option<Annotations> =
        Some(manifest.annotations.clone()).filter(|annotations| !annotations.is_empty());
    Descriptor {
        media_type: media_type.to_string(),
        digest: digest.clone(),
        size,
        artifact_type: manifest.artifact_type.clone(),
        annotations,
    }
}
