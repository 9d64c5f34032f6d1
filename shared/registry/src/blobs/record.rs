use berth_types::{Digest, RepositoryName};
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
    /// When a client deleted the blob; it is hidden since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hidden_at: Option<Timestamp>,
}

/// Item that says which object a repository links for a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Link {
    /// Name of the repository when it linked the object.
    pub(crate) repository: RepositoryName,
}

impl Layer {
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

    /// Returns the operation that shows or hides the layer of this `version`.
    pub(crate) fn change(
        &self,
        repository: &Repository,
        digest: &Digest,
        version: u64,
        hidden_at: Option<Timestamp>,
    ) -> Result<Operation, StoreError> {
        let key = Place::Layer(&repository.id, digest).key();
        let changed = Self { hidden_at, ..self.clone() };
        Ok(put(key, encode(&changed)?, version, Condition::Version(version)))
    }
}
