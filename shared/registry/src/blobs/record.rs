use berth_types::{Digest, MediaType, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::document::{encode, put};
use crate::layout::Place;
use crate::ports::{Condition, ObjectKey, Operation, StoreError, Timestamp};
use crate::repositories::Repository;

/// Item of a blob in a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layer {
    /// Size in bytes.
    pub(crate) size: u64,
    /// Object that holds the bytes.
    pub(crate) object: ObjectKey,
    /// How far a client's deletion of the blob has come.
    #[serde(default, skip_serializing_if = "Deletion::is_none")]
    pub(crate) deletion: Deletion,
}

/// How far a client's deletion of a blob has come. Whoever needs the blob takes it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Deletion {
    /// There is none.
    #[default]
    None,
    /// It looks for uses since then; the blob is served as before.
    Began(Timestamp),
    /// It found none; the blob is hidden since then.
    Done(Timestamp),
}

impl Deletion {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// Item that says that an image uses a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LayerUse {
    /// Media type that the image's manifest gives the layer; none if that is no media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) media_type: Option<MediaType>,
}

/// Item that says which object a repository links for a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    /// Name of the repository when it linked the object.
    pub(crate) repository: RepositoryName,
}

impl Layer {
    /// Whether clients see the blob.
    pub(crate) fn is_visible(&self) -> bool {
        !matches!(self.deletion, Deletion::Done(_))
    }

    /// Whether no deletion is under way or done.
    pub(crate) fn is_kept(&self) -> bool {
        self.deletion.is_none()
    }

    /// Returns the operations that make this the repository's item of `digest`, if it has none.
    pub(crate) fn creation(
        &self,
        repository: &Repository,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Vec<Operation>, StoreError> {
        let link = Link { repository: repository.name.clone() };
        let layer = Place::Layer(&repository.id, digest).key();
        let link_key = Place::Link(digest, &repository.id).key();
        Ok(vec![
            put(layer, encode(self)?, now.millis(), Condition::Absent),
            put(link_key, encode(&link)?, now.millis(), Condition::Any),
        ])
    }

    /// Returns the operation that records the deletion of the layer of this `version`.
    pub(crate) fn change(
        &self,
        repository: &Repository,
        digest: &Digest,
        version: u64,
        deletion: Deletion,
    ) -> Result<Operation, StoreError> {
        let key = Place::Layer(&repository.id, digest).key();
        let changed = Self { deletion, ..self.clone() };
        Ok(put(key, encode(&changed)?, version, Condition::Version(version)))
    }
}
