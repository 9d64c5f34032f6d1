use berth_types::{Digest, MediaType, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::archive::{Placed, PlacementJob};
use crate::document::{encode, put};
use crate::jobs::Job;
use crate::layout::{Place, RepositoryId};
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
    /// How far the deletion of the blob has come.
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

/// How far the deletion of a blob has come, by a client or by collection. Whoever needs the blob
/// takes it back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Deletion {
    /// There is none.
    #[default]
    None,
    /// A client's deletion looks for uses since then; the blob is served as before.
    Began(Timestamp),
    /// A client's deletion found none; the blob is hidden since then.
    Done(Timestamp),
    /// Collection saw then that no image uses the blob; it is served as before.
    Unused(Timestamp),
    /// Collection condemned the blob then, since no image had used it for long: clients that ask
    /// whether it is there are told that it is not, and it is not mounted elsewhere; but who knows
    /// it gets it.
    Condemned(Timestamp),
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
    /// When it was written, if that was before its image: if none comes, nobody uses the layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ahead_since: Option<Timestamp>,
}

/// Item that says that a repository links a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    /// Name of the repository when it linked the blob.
    pub(crate) repository: RepositoryName,
}

/// Item of an object that holds a blob. It is there as long as layers may name the object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BlobObject {
    /// Digest of its bytes.
    pub(crate) digest: Digest,
    /// When a layer that named it went; `None` as long as none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) loose_since: Option<Timestamp>,
}

impl BlobObject {
    /// Returns the operation that writes the item of `object`.
    pub(crate) fn put(
        &self,
        object: &ObjectKey,
        first_version: u64,
        condition: Condition,
    ) -> Result<Operation, StoreError> {
        Ok(put(Place::Object(object).key(), encode(self)?, first_version, condition))
    }
}

impl Layer {
    /// Whether clients see the blob.
    pub(crate) fn is_visible(&self) -> bool {
        !matches!(self.deletion, Deletion::Done(_))
    }

    /// Whether clients that ask for the blob are told that it is there, and may mount it.
    pub(crate) fn is_offered(&self) -> bool {
        self.is_visible() && !matches!(self.deletion, Deletion::Condemned(_))
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
        let mut operations = vec![kept.replacing(&repository.id, digest, version)?];
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
        repository: &RepositoryId,
        digest: &Digest,
        version: u64,
    ) -> Result<Operation, StoreError> {
        let key = Place::Layer(repository, digest).key();
        Ok(put(key, encode(self)?, version, Condition::Version(version)))
    }

    /// Returns the operations that make this the repository's item of `digest`, if it has none.
    /// Where the object is a new one, [`naming`](Self::naming) goes with them.
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

    /// Returns the operation that says what a new object holds.
    pub(crate) fn naming(&self, digest: &Digest, now: Timestamp) -> Result<Operation, StoreError> {
        let object = BlobObject { digest: digest.clone(), loose_since: None };
        object.put(&self.object, now.millis(), Condition::Any)
    }

    /// Returns the operations that take the layer of this `version` away. What becomes of its
    /// object is left to the collection of objects.
    pub(crate) fn removal(
        &self,
        repository: &RepositoryId,
        digest: &Digest,
        version: u64,
        now: Timestamp,
    ) -> Result<Vec<Operation>, StoreError> {
        let layer = Place::Layer(repository, digest).key();
        let link = Place::Link(digest, repository).key();
        let object = BlobObject { digest: digest.clone(), loose_since: Some(now) };
        Ok(vec![
            Operation::Delete { key: layer, condition: Condition::Version(version) },
            Operation::Delete { key: link, condition: Condition::Any },
            object.put(&self.object, now.millis(), Condition::Any)?,
        ])
    }

    /// Returns the operation that records the deletion of the layer of this `version`.
    pub(crate) fn change(
        &self,
        repository: &RepositoryId,
        digest: &Digest,
        version: u64,
        deletion: Deletion,
    ) -> Result<Operation, StoreError> {
        Self { deletion, ..self.clone() }.replacing(repository, digest, version)
    }
}
