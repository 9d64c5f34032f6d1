use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use berth_types::{Algorithm, Digest, Hasher, RepositoryName, UploadId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::hashing::Passed;
use crate::contention::won;
use crate::document::{decode, encode, put};
use crate::error::RegistryError;
use crate::layout::Place;
use crate::ports::{
    Condition, Consistency, DeleteObjects, Item, Key, LARGEST_DOCUMENT, MultipartId, ObjectKey,
    Operation, PartTag, ReadTable, StoreError, StoreErrorKind, Timestamp, WriteTable,
};
use crate::registry::{Push, Tenancy};
use crate::repositories::{Directory, Repository};
use std::sync::Arc;

/// Item of an upload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Session {
    /// When it was begun.
    pub(super) created_at: Timestamp,
    /// When a request wrote to it last, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    active_at: Option<Timestamp>,
    /// Bytes that were acknowledged.
    pub(super) offset: u64,
    /// Saved state of the hash of those bytes, in base64.
    hash: String,
    /// Object that the parts are for; none before the first part.
    pub(super) multipart: Option<Multipart>,
    /// Bytes behind the parts that are too few for a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tail: Option<Tail>,
    /// Request that writes at this moment.
    lease: Option<Lease>,
    /// Digest of the blob, once the end has been asked for.
    pub(super) completing: Option<Digest>,
}

/// Object of several parts.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Multipart {
    /// The object.
    pub(super) object: ObjectKey,
    /// The store's name of the upload.
    pub(super) id: MultipartId,
    /// Parts, from number 1.
    pub(super) parts: Vec<PartTag>,
}

/// Bytes that wait in an object of their own for the chunk after them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Tail {
    /// The object.
    pub(super) object: ObjectKey,
    /// Its length in bytes.
    pub(super) length: u64,
}

/// How a chunk was stored, together with the tail before it.
#[derive(Debug)]
pub(super) enum Kept {
    /// Not at all: it was empty.
    Nothing,
    /// As the next tail.
    Tail(Tail),
    /// As parts.
    Parts(Vec<PartTag>),
}

/// Right of one request to write.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Lease {
    /// Process that holds it.
    pub(super) holder: Uuid,
    /// When it ends, unless it is renewed.
    pub(super) until: Timestamp,
}

/// A session as it was read, and where it lies.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) repository: Arc<Repository>,
    pub(super) upload: UploadId,
    pub(super) session: Session,
    pub(super) version: u64,
    /// Items that were read along, in the order of their keys.
    pub(super) others: Vec<Option<Item>>,
}

impl Session {
    pub(super) fn new(algorithm: Algorithm, now: Timestamp) -> Self {
        let mut session = Self {
            created_at: now,
            active_at: None,
            offset: 0,
            hash: String::new(),
            multipart: None,
            tail: None,
            lease: None,
            completing: None,
        };
        session.set_hasher(&Hasher::new(algorithm));
        session
    }

    pub(super) fn hasher(&self) -> Result<Hasher, StoreError> {
        let damaged = |error| StoreError::new(StoreErrorKind::Damaged, error);
        let saved =
            STANDARD_NO_PAD.decode(&self.hash).map_err(|error| damaged(error.to_string()))?;
        Hasher::restore(&saved).map_err(|error| damaged(error.to_string()))
    }

    pub(super) fn set_hasher(&mut self, hasher: &Hasher) {
        self.hash = STANDARD_NO_PAD.encode(hasher.save());
    }

    /// Adds a chunk that was stored, and returns the tail that it was merged with.
    pub(super) fn add(&mut self, kept: Kept, passed: &Passed) -> Option<Tail> {
        let length = self.tail_length() + passed.length;
        self.offset += passed.length;
        self.set_hasher(&passed.hasher);
        match kept {
            Kept::Nothing => None,
            Kept::Tail(tail) => self.tail.replace(tail),
            Kept::Parts(tags) => {
                if let Some(multipart) = self.multipart.as_mut().filter(|_| length > 0) {
                    multipart.parts.extend(tags);
                }
                self.tail.take()
            }
        }
    }

    /// Whether parts were stored.
    pub(super) fn has_parts(&self) -> bool {
        self.multipart.as_ref().is_some_and(|multipart| !multipart.parts.is_empty())
    }

    /// Returns the length of the tail, in bytes.
    pub(super) fn tail_length(&self) -> u64 {
        self.tail.as_ref().map_or(0, |tail| tail.length)
    }

    /// Returns since when no request has written to it.
    pub(super) fn idle_since(&self) -> Timestamp {
        self.active_at.unwrap_or(self.created_at)
    }

    pub(super) fn set_lease(&mut self, lease: Option<Lease>) {
        self.lease = lease;
    }

    /// Deletes the session of this `version`, and then its bytes; `false` if it changed since it was
    /// read. Who dies in between leaves bytes that no session names to collection.
    pub(super) async fn discard(
        &self,
        key: Key,
        version: u64,
        table: &dyn WriteTable,
        objects: &dyn DeleteObjects,
    ) -> Result<bool, RegistryError> {
        let condition = Condition::Version(version);
        let deletion = Operation::Delete { key, condition };
        if !won(table.transact(vec![deletion]).await)? {
            return Ok(false);
        }
        if let Some(multipart) = &self.multipart {
            objects.abort_multipart(&multipart.object, &multipart.id).await?;
        }
        if let Some(tail) = &self.tail {
            objects.delete(&tail.object).await?;
        }
        Ok(true)
    }
}

/// Reads sessions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sessions<'a> {
    pub(super) table: &'a dyn ReadTable,
    pub(super) directory: &'a Directory,
}

impl Sessions<'_> {
    /// Reads the session `upload` of the repository `name`, and with it the items under what
    /// `others` makes of the repository. All are of one moment's repository.
    pub(super) async fn load(
        self,
        name: &RepositoryName,
        upload: &UploadId,
        others: impl Fn(&Repository) -> Vec<Key>,
    ) -> Result<Loaded, RegistryError> {
        let unknown = || RegistryError::UploadUnknown(upload.clone());
        let recent = self.directory.recent(name).await?;
        let mut keys = vec![Place::Repository(name).key(), Place::Upload(&recent.id, upload).key()];
        keys.extend(others(&recent));
        let mut items = self.table.batch_get(&keys, Consistency::Strong).await?.into_iter();
        let record = items.next().flatten();
        let current = self.directory.learn(name, record.as_ref())?;
        let repository = current.ok_or_else(|| RegistryError::RepositoryUnknown(name.clone()))?;
        let item = items.next().flatten().filter(|_| repository.id == recent.id);
        let item = item.ok_or_else(unknown)?;
        let session = decode(&item)?;
        let version = item.version;
        Ok(Loaded { repository, upload: upload.clone(), session, version, others: items.collect() })
    }
}

impl Loaded {
    pub(super) fn key(&self) -> Key {
        Place::Upload(&self.repository.id, &self.upload).key()
    }

    /// Deletes the session and its bytes; `false` if it changed since it was read.
    pub(super) async fn discard(
        &self,
        table: &dyn WriteTable,
        objects: &dyn DeleteObjects,
    ) -> Result<bool, RegistryError> {
        self.session.discard(self.key(), self.version, table, objects).await
    }
}

impl Push {
    pub(super) fn sessions(&self) -> Sessions<'_> {
        Sessions { table: self.table.as_ref(), directory: &self.directory }
    }

    /// Refuses a session that another request writes to.
    pub(super) fn must_be_free(&self, loaded: &Loaded) -> Result<(), RegistryError> {
        let Some(lease) = &loaded.session.lease else {
            return Ok(());
        };
        let ended = lease.until <= self.clock.now();
        let of_a_dead_process =
            self.rules.tenancy == Tenancy::Alone && lease.holder != self.instance;
        match ended || of_a_dead_process {
            true => Ok(()),
            false => Err(RegistryError::UploadBusy(loaded.upload.clone())),
        }
    }

    /// Writes the session back, if nobody else changed it since it was read.
    pub(super) async fn save(&self, loaded: &mut Loaded) -> Result<(), RegistryError> {
        loaded.session.active_at = Some(self.clock.now());
        let document = encode(&loaded.session)?;
        if document.len() > LARGEST_DOCUMENT {
            return Err(RegistryError::TooManyChunks(loaded.upload.clone()));
        }
        let condition = Condition::Version(loaded.version);
        let operation = put(loaded.key(), document, loaded.version, condition);
        match won(self.table.transact(vec![operation]).await)? {
            true => {
                loaded.version += 1;
                Ok(())
            }
            false => Err(RegistryError::UploadBusy(loaded.upload.clone())),
        }
    }
}
