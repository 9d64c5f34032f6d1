use berth_types::{Digest, MediaType, Region, RegistryId, RepositoryName, Tag};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::document::{decode, encode, put};
use crate::jobs::Job;
use crate::layout::{Place, RepositoryId, parse_event_key};
use crate::manifests::Image;
use crate::ports::{Condition, Item, Key, Operation, StoreError, Timestamp};
use crate::registry::Identity;
use crate::repositories::Repository;

/// Names an event: when it happened, and a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// When it happened.
    pub at: Timestamp,
    /// Tells it from others of that moment; also chooses its shard.
    pub uuid: Uuid,
}

/// Something that happened in the registry.
#[derive(Clone, Debug)]
pub struct Event {
    /// Names it.
    pub id: EventId,
    /// What changed.
    pub change: Change,
}

/// What changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "camelCase")]
pub enum Change {
    /// A push made an image, or gave one that was there a tag that it had not.
    ImagePushed {
        /// The image.
        image: ChangedImage,
        /// Tags that the push gave it and that it had not; none if it was pushed by digest.
        tags: Vec<Tag>,
        /// Whether the push made the image.
        made: bool,
    },
    /// An image was deleted, with all its tags.
    ImageDeleted {
        /// The image.
        image: ChangedImage,
        /// Tags that went with it, in the same transaction.
        tags: Vec<Tag>,
    },
    /// Tags were taken away from an image that stays.
    TagsRemoved {
        /// Name that the repository had.
        repository: RepositoryName,
        /// Its id.
        repository_id: RepositoryId,
        /// Digest of the image's manifest.
        digest: Digest,
        /// Media type of the manifest.
        media_type: MediaType,
        /// The tags.
        tags: Vec<Tag>,
        /// Registry whose change was replicated; none of a change of a client's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Origin>,
    },
    /// Settings of a repository changed.
    RepositoryChanged {
        /// Its name.
        repository: RepositoryName,
        /// Its id.
        repository_id: RepositoryId,
        /// Registry whose change was replicated; none of a change of a client's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Origin>,
    },
    /// A repository was deleted. Its content is left to collection.
    RepositoryDeleted {
        /// Name that the repository had.
        repository: RepositoryName,
        /// Its id.
        repository_id: RepositoryId,
    },
    /// An image went to the archive.
    ImageArchived {
        /// The image.
        image: ChangedImage,
    },
    /// An image came back from the archive.
    ImageActivated {
        /// The image.
        image: ChangedImage,
    },
    /// Somebody asked for what a job does.
    Asked {
        /// The job.
        job: Job,
    },
    /// The time of jobs has come.
    Due {
        /// The jobs.
        jobs: Vec<Job>,
    },
}

/// An image that something happened to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChangedImage {
    /// Name that the repository had.
    pub repository: RepositoryName,
    /// Its id.
    pub repository_id: RepositoryId,
    /// Digest of the manifest.
    pub digest: Digest,
    /// Media type of the manifest.
    pub media_type: MediaType,
    /// Type of the artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Manifest that it refers to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Digest>,
    /// Sum of the sizes of its config and layers, in bytes; of an index, the largest of its
    /// children's.
    pub size: u64,
    /// Size of the manifest, in bytes.
    pub manifest_size: u64,
    /// Registry whose change was replicated; none of a change of a client's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// Registry that a change was replicated from. What was replicated is not replicated further.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// Account that owns it.
    pub account: RegistryId,
    /// Region that it stands in.
    pub region: Region,
}

impl From<&Identity> for Origin {
    fn from(identity: &Identity) -> Self {
        Self { account: identity.registry_id.clone(), region: identity.region.clone() }
    }
}

impl ChangedImage {
    /// Takes what events tell of an image out of its summary, for a change of a client's.
    pub(crate) fn of(repository: &Repository, digest: &Digest, image: &Image) -> Self {
        Self {
            repository: repository.name.clone(),
            repository_id: repository.id.clone(),
            digest: digest.clone(),
            media_type: image.media_type.clone(),
            artifact_type: image.artifact_type.clone(),
            subject: image.subject.clone(),
            size: image.content_size,
            manifest_size: image.manifest_size,
            origin: None,
        }
    }
}

impl EventId {
    /// Returns which event lies under `key`; `None` if it is not the key of an event.
    #[must_use]
    pub fn of(key: &Key) -> Option<Self> {
        let (at, uuid) = parse_event_key(key)?;
        Some(Self { at, uuid })
    }
}

impl Event {
    /// Takes note of a change that happens `now`, if the transaction does that gets
    /// [`operation`](Self::operation).
    #[must_use]
    pub fn new(change: Change, now: Timestamp) -> Self {
        Self { id: EventId { at: now, uuid: Uuid::new_v4() }, change }
    }

    /// Returns the operation that writes the event.
    pub(crate) fn operation(&self) -> Result<Operation, StoreError> {
        let key = Place::Event(self.id).key();
        Ok(put(key, encode(&self.change)?, self.id.at.millis(), Condition::Any))
    }

    /// Reads the item of an event; of one that can't be read, the log tells.
    pub(crate) fn read(item: &Item) -> Option<Self> {
        let change = decode(item);
        match (EventId::of(&item.key), change) {
            (Some(id), Ok(change)) => Some(Self { id, change }),
            (_, change) => {
                let error = change.err().map(tracing::field::display);
                tracing::error!(key = ?item.key, error, "an event can't be read");
                None
            }
        }
    }
}
