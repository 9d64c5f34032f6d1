use berth_types::{Digest, MediaType, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::archive::{Placed, PlacementJob};
use crate::document::{encode, put};
use crate::jobs::Job;
use crate::layout::Place;
use crate::outbox::{Change, Event};
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
    /// Where its bytes are kept.
    #[serde(default, skip_serializing_if = "LayerStorage::is_standard")]
    pub(crate) storage: LayerStorage,
}

/// Where a layer's bytes are kept. Whoever needs the layer takes it back from the archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum LayerStorage {
    /// At hand; or on their way there, for those who read them at once a little dearer.
    #[default]
    Standard,
    /// At hand, until nobody comes who needs them.
    Leaving,
    /// In the archive, or on their way there: the layer can't be downloaded.
    Archived,
}

impl LayerStorage {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it by reference")]
    fn is_standard(&self) -> bool {
        *self == Self::Standard
    }
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

    /// Whether no deletion is under way or done, and it is not in the archive, nor on its way.
    pub(crate) fn is_kept(&self) -> bool {
        self.deletion.is_none() && self.storage.is_standard()
    }

    /// Whether clients can download the blob, if they see it.
    pub(crate) fn is_at_hand(&self) -> bool {
        self.storage != LayerStorage::Archived
    }

    /// Returns the operations that take the layer of this `version` back, from its deletion and from
    /// the archive.
    pub(crate) fn keeping(
        &self,
        repository: &Repository,
        digest: &Digest,
        version: u64,
        now: Timestamp,
    ) -> Result<Vec<Operation>, StoreError> {
        let kept =
            Self { deletion: Deletion::None, storage: LayerStorage::Standard, ..self.clone() };
        let mut operations = vec![kept.replacing(repository, digest, version)?];
        if !self.is_at_hand() {
            let job = PlacementJob {
                repository: repository.name.clone(),
                id: repository.id.clone(),
                of: Placed::Layer(digest.clone()),
            };
            let asked = Event::new(Change::Asked { job: Job::PlaceLayers(job) }, now);
            operations.push(asked.operation()?);
        }
        Ok(operations)
    }

    /// Returns the operation that makes this the item of the layer of this `version`.
    pub(crate) fn replacing(
        &self,
        repository: &Repository,
        digest: &Digest,
        version: u64,
    ) -> Result<Operation, StoreError> {
        let key = Place::Layer(&repository.id, digest).key();
        Ok(put(key, encode(self)?, version, Condition::Version(version)))
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
        Self { deletion, ..self.clone() }.replacing(repository, digest, version)
    }
}
