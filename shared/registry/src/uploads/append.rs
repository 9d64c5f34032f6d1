use std::fmt;
use std::time::Duration;

use berth_types::UploadId;
use uuid::Uuid;

use super::hashing::{Judge, Outcome, Passed, hashing};
use super::session::{Lease, Loaded, Multipart};
use crate::access::{Action, RepositoryPermit};
use crate::error::RegistryError;
use crate::layout::blob_object;
use crate::ports::{ByteStream, MOST_PARTS, NewObject, PartTag, PutError};
use crate::registry::Push;

/// How long a lease lasts. It is renewed while bytes move.
const LEASE: Duration = Duration::from_secs(30);

/// How often a lease is renewed.
const RENEWAL: Duration = Duration::from_secs(10);

/// Bytes for an upload.
pub struct Chunk {
    /// Where the chunk begins, if the client says; it must be where the upload ends.
    pub start: Option<u64>,
    /// Length in bytes, if the client says; the body must have it.
    pub length: Option<u64>,
    /// The bytes.
    pub body: ByteStream,
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, length, body: _ } = self;
        f.debug_struct("Chunk").field("start", start).field("length", length).finish()
    }
}

impl Push {
    /// Returns how many bytes of an upload were acknowledged.
    pub async fn upload_offset(
        &self,
        permit: &RepositoryPermit,
        upload: &UploadId,
    ) -> Result<u64, RegistryError> {
        permit.must_be(Action::UploadLayerPart);
        Ok(self.load(permit.name(), upload, |_| Vec::new()).await?.session.offset)
    }

    /// Adds a chunk to an upload, and returns how many bytes it has then. If the chunk fails, the
    /// upload is as it was.
    pub async fn append(
        &self,
        permit: &RepositoryPermit,
        upload: &UploadId,
        chunk: Chunk,
    ) -> Result<u64, RegistryError> {
        permit.must_be(Action::UploadLayerPart);
        let mut loaded = self.load(permit.name(), upload, |_| Vec::new()).await?;
        if loaded.session.completing.is_some() {
            return Err(RegistryError::UploadUnknown(upload.clone()));
        }
        self.take_part(&mut loaded, chunk).await?;
        self.save(&mut loaded).await?;
        Ok(loaded.session.offset)
    }

    /// Stores a chunk as the next part of a session that was read. The session is left for the
    /// caller to save, with the chunk and without the lease; if the chunk fails, it is saved as
    /// it was.
    pub(super) async fn take_part(
        &self,
        loaded: &mut Loaded,
        chunk: Chunk,
    ) -> Result<(), RegistryError> {
        self.must_be_free(loaded)?;
        must_begin_at_end(loaded, &chunk)?;
        self.take_lease(loaded).await?;
        let stored = self.store_part(loaded, chunk).await;
        loaded.session.set_lease(None);
        match stored {
            Ok((tags, passed)) => {
                loaded.session.add_parts(tags, &passed);
                Ok(())
            }
            Err(error) => {
                self.save(loaded).await?;
                Err(error)
            }
        }
    }

    async fn take_lease(&self, loaded: &mut Loaded) -> Result<(), RegistryError> {
        if loaded.session.multipart.is_some() {
            return self.renew_lease(loaded).await;
        }
        let object = blob_object(&loaded.upload, Uuid::new_v4());
        let encryption = &loaded.repository.encryption;
        let new = NewObject { key: &object, encryption, digest: None };
        let id = self.objects.begin_multipart(new).await?;
        let begun = Multipart { object, id, parts: Vec::new() };
        loaded.session.multipart = Some(begun.clone());
        let taken = self.renew_lease(loaded).await;
        if matches!(taken, Err(RegistryError::UploadBusy(_))) {
            // Another request was faster, and has begun an object of its own.
            self.objects.abort_multipart(&begun.object, &begun.id).await?;
        }
        taken
    }

    async fn renew_lease(&self, loaded: &mut Loaded) -> Result<(), RegistryError> {
        let until = self.clock.now().plus(LEASE);
        loaded.session.set_lease(Some(Lease { holder: self.instance, until }));
        self.save(loaded).await
    }

    /// Stores the chunk as the session's next part, and renews the lease meanwhile.
    async fn store_part(
        &self,
        loaded: &mut Loaded,
        chunk: Chunk,
    ) -> Result<(Vec<PartTag>, Passed), RegistryError> {
        let upload = loaded.upload.clone();
        let Some(Multipart { object, id, parts }) = loaded.session.multipart.clone() else {
            return Err(RegistryError::UploadUnknown(upload));
        };
        let number = parts.len() + 1;
        let number = u32::try_from(number).ok().filter(|number| *number <= MOST_PARTS);
        let number = number.ok_or(RegistryError::TooManyChunks(upload))?;
        let judge = must_have_length(chunk.length);
        let (body, outcome) = hashing(chunk.body, loaded.session.hasher()?, judge);
        let put = self.objects.put_parts(&object, &id, number, loaded.session.offset, body);
        tokio::pin!(put);
        let mut renewal = tokio::time::interval(RENEWAL);
        renewal.tick().await;
        let result = loop {
            tokio::select! {
                result = &mut put => break result,
                _ = renewal.tick() => self.renew_lease(loaded).await?,
            }
        };
        settle(result, &outcome)
    }
}

/// Joins what the store and the hash say of a body.
pub(super) fn settle<T>(
    stored: Result<T, PutError>,
    outcome: &Outcome,
) -> Result<(T, Passed), RegistryError> {
    match (stored, outcome.take()) {
        (Ok(stored), Some(Ok(passed))) => Ok((stored, passed)),
        (_, Some(Err(refusal))) => Err(refusal),
        (Err(error), _) => Err(error.into()),
        (Ok(_), None) => Err(RegistryError::BodyCutOff("it was not read to its end".to_owned())),
    }
}

/// Refuses a chunk that does not begin where the upload ends.
pub(super) fn must_begin_at_end(loaded: &Loaded, chunk: &Chunk) -> Result<(), RegistryError> {
    let offset = loaded.session.offset;
    match chunk.start {
        Some(start) if start != offset => {
            Err(RegistryError::UploadOutOfOrder { upload: loaded.upload.clone(), offset })
        }
        _ => Ok(()),
    }
}

/// Judges a body by its length.
fn must_have_length(expected: Option<u64>) -> Judge {
    Box::new(move |passed| has_length(expected, passed))
}

/// Refuses a body whose length is not the expected one.
pub(super) fn has_length(expected: Option<u64>, passed: &Passed) -> Result<(), RegistryError> {
    match expected {
        Some(expected) if expected != passed.length => {
            Err(RegistryError::SizeMismatch { expected, actual: passed.length })
        }
        _ => Ok(()),
    }
}
