use std::fmt;

use berth_types::UploadId;

use super::hashing::{Judge, Outcome, Passed, hashing};
use super::session::{Kept, Loaded, Multipart, Tail};
use super::tail::{Gathered, gather};
use crate::access::{Action, RepositoryPermit};
use crate::error::RegistryError;
use crate::ports::{ByteStream, MOST_PARTS, PartTag, PutError};
use crate::registry::Push;

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

/// What becomes of bytes that are too few for a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooFew {
    /// They wait for the next chunk.
    Wait,
    /// They are the last part, which may be as small as it likes.
    End,
}

impl Push {
    /// Adds a chunk to an upload, and returns how many bytes it has then. If the chunk fails, the
    /// upload is as it was.
    pub async fn append(
        &self,
        permit: &RepositoryPermit,
        upload: &UploadId,
        chunk: Chunk,
    ) -> Result<u64, RegistryError> {
        permit.must_be(Action::UploadLayerPart);
        let mut loaded = self.sessions().load(permit.name(), upload, |_| Vec::new()).await?;
        if loaded.session.completing.is_some() {
            return Err(RegistryError::UploadUnknown(upload.clone()));
        }
        let merged = self.take_chunk(&mut loaded, chunk, TooFew::Wait).await?;
        self.save(&mut loaded).await?;
        self.delete_tail(merged).await?;
        Ok(loaded.session.offset)
    }

    /// Stores a chunk behind what a session that was read has. The session is left for the caller
    /// to save, with the chunk and without the lease; the tail that is returned is then to be
    /// deleted. If the chunk fails, the session is saved as it was.
    pub(super) async fn take_chunk(
        &self,
        loaded: &mut Loaded,
        chunk: Chunk,
        too_few: TooFew,
    ) -> Result<Option<Tail>, RegistryError> {
        self.must_be_free(loaded)?;
        must_begin_at_end(loaded, &chunk)?;
        let length = loaded.session.tail_length() + chunk.length.unwrap_or(0);
        match length >= self.objects.smallest_part() {
            true => self.take_lease_for_parts(loaded).await?,
            false => self.take_lease(loaded).await?,
        }
        let stored = self.store_chunk(loaded, chunk, too_few).await;
        loaded.session.set_lease(None);
        match stored {
            Ok((kept, passed)) => Ok(loaded.session.add(kept, &passed)),
            Err(error) => {
                self.save(loaded).await?;
                Err(error)
            }
        }
    }

    /// Stores the tail and the chunk as the session's next parts, or as its next tail.
    async fn store_chunk(
        &self,
        loaded: &mut Loaded,
        chunk: Chunk,
        too_few: TooFew,
    ) -> Result<(Kept, Passed), RegistryError> {
        let judge = must_have_length(chunk.length);
        let (body, outcome) = hashing(chunk.body, loaded.session.hasher()?, judge);
        let body = self.behind_tail(&loaded.session, body).await?;
        let gathering = gather(body, self.objects.smallest_part());
        let kept = match self.keeping_lease(loaded, gathering).await? {
            Err(error) => Err(error.into()),
            Ok(gathered) if gathered.is_nothing() => Ok(Kept::Nothing),
            Ok(gathered @ Gathered::Short(_)) if too_few == TooFew::Wait => {
                let work = self.store_tail(loaded, gathered.into_body());
                self.keeping_lease(loaded, work).await?.map(Kept::Tail)
            }
            Ok(gathered) => self.store_parts(loaded, gathered.into_body()).await?.map(Kept::Parts),
        };
        settle(kept, &outcome)
    }

    async fn store_parts(
        &self,
        loaded: &mut Loaded,
        body: ByteStream,
    ) -> Result<Result<Vec<PartTag>, PutError>, RegistryError> {
        if loaded.session.multipart.is_none() {
            self.take_lease_for_parts(loaded).await?;
        }
        let upload = loaded.upload.clone();
        let Some(Multipart { object, id, parts }) = loaded.session.multipart.clone() else {
            return Err(RegistryError::UploadUnknown(upload));
        };
        let number = u32::try_from(parts.len() + 1).ok().filter(|number| *number <= MOST_PARTS);
        let number = number.ok_or(RegistryError::TooManyChunks(upload))?;
        let offset = loaded.session.offset - loaded.session.tail_length();
        let put = self.objects.put_parts(&object, &id, number, offset, body);
        self.keeping_lease(loaded, put).await
    }

    /// Deletes a tail that no session names any more.
    pub(super) async fn delete_tail(&self, tail: Option<Tail>) -> Result<(), RegistryError> {
        match tail {
            Some(tail) => Ok(self.objects.delete(&tail.object).await?),
            None => Ok(()),
        }
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
