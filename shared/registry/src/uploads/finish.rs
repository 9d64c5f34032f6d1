use berth_types::{Digest, Hasher, UploadId};
use futures_util::{StreamExt, stream};
use uuid::Uuid;

use super::append::{Chunk, TooFew, has_length, must_begin_at_end, settle};
use super::begin::new_upload_id;
use super::hashing::{Judge, hashing};
use super::session::{Loaded, Multipart, Tail};
use crate::access::{Action, RepositoryPermit};
use crate::blobs::{Deletion, Layer, LayerStorage};
use crate::contention::{Attempts, won};
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{Place, blob_object};
use crate::ports::{Condition, Consistency, Item, Key, NewObject, ObjectKey, Operation};
use crate::registry::Push;
use crate::repositories::Repository;

impl Push {
    /// Ends an upload: adds the last chunk, which may be empty, and makes the blob. If its digest
    /// is not `digest`, nothing is stored and the upload is given up.
    pub async fn finish_upload(
        &self,
        permit: &RepositoryPermit,
        upload: &UploadId,
        digest: &Digest,
        chunk: Chunk,
    ) -> Result<FinishedUpload, RegistryError> {
        permit.must_be(Action::CompleteLayerUpload);
        let loaded = self.load_to_finish(permit, upload, digest).await?;
        self.finish(loaded, digest, chunk).await
    }

    /// Ends an upload that has all its bytes, as [`finish_upload`](Self::finish_upload) does; one
    /// without any is refused.
    pub async fn complete_upload(
        &self,
        permit: &RepositoryPermit,
        upload: &UploadId,
        digest: &Digest,
    ) -> Result<FinishedUpload, RegistryError> {
        permit.must_be(Action::CompleteLayerUpload);
        let loaded = self.load_to_finish(permit, upload, digest).await?;
        if loaded.session.offset == 0 {
            return Err(RegistryError::UploadEmpty(upload.clone()));
        }
        let nothing = Chunk { start: None, length: Some(0), body: stream::empty().boxed() };
        self.finish(loaded, digest, nothing).await
    }

    /// Reads the session, and with it the layer that the repository may have already.
    async fn load_to_finish(
        &self,
        permit: &RepositoryPermit,
        upload: &UploadId,
        digest: &Digest,
    ) -> Result<Loaded, RegistryError> {
        let layer = |repository: &Repository| vec![Place::Layer(&repository.id, digest).key()];
        let loaded = self.sessions().load(permit.name(), upload, layer).await?;
        if loaded.session.completing.as_ref().is_some_and(|completing| completing != digest) {
            return Err(RegistryError::UploadUnknown(upload.clone()));
        }
        Ok(loaded)
    }

    async fn finish(
        &self,
        mut loaded: Loaded,
        digest: &Digest,
        chunk: Chunk,
    ) -> Result<FinishedUpload, RegistryError> {
        if !loaded.session.has_parts() {
            return self.finish_whole(loaded, digest, chunk).await;
        }
        if loaded.session.completing.is_none() {
            let mut merged = None;
            if chunk.length != Some(0) || loaded.session.tail.is_some() {
                merged = self.take_chunk(&mut loaded, chunk, TooFew::End).await?;
            }
            self.record_completion(&mut loaded, digest, merged).await?;
        }
        let object = self.complete(&loaded, digest).await?;
        self.commit(loaded, digest, object).await
    }

    /// Ends an upload that has no parts: its tail and the last chunk are one object.
    async fn finish_whole(
        &self,
        loaded: Loaded,
        digest: &Digest,
        chunk: Chunk,
    ) -> Result<FinishedUpload, RegistryError> {
        self.must_be_free(&loaded)?;
        must_begin_at_end(&loaded, &chunk)?;
        let length = chunk.length.map(|length| loaded.session.tail_length() + length);
        let body = self.behind_tail(&loaded.session, chunk.body).await?;
        let whole = Chunk { start: None, length, body };
        let object = self.put_whole(&loaded.repository, &loaded.upload, digest, whole).await?;
        let (tail, begun) = (loaded.session.tail.clone(), loaded.session.multipart.clone());
        let finished = self.commit(loaded, digest, object).await?;
        if let Some(Multipart { object, id, .. }) = begun {
            self.objects.abort_multipart(&object, &id).await?;
        }
        self.delete_tail(tail).await?;
        Ok(finished)
    }

    /// Makes a blob of one request's body.
    pub async fn upload_whole(
        &self,
        permit: &RepositoryPermit,
        create: Option<&RepositoryPermit>,
        digest: &Digest,
        chunk: Chunk,
    ) -> Result<(), RegistryError> {
        permit.must_be(Action::InitiateLayerUpload);
        let repository = self.repository_to_push(permit, create).await?;
        let object = self.put_whole(&repository, &new_upload_id()?, digest, chunk).await?;
        self.commit_whole(&repository, digest, &object).await
    }

    /// Makes an object that was stored at once the repository's layer, if the repository stands.
    pub(super) async fn commit_whole(
        &self,
        repository: &Repository,
        digest: &Digest,
        object: &StoredObject,
    ) -> Result<(), RegistryError> {
        let name = &repository.name;
        let keys = [Place::Repository(name).key(), Place::Layer(&repository.id, digest).key()];
        let mut items = self.table.batch_get(&keys, Consistency::Strong).await?.into_iter();
        let record = items.next().flatten();
        let stands = self.directory.learn(name, record.as_ref())?;
        if stands.is_none_or(|stands| stands.id != repository.id) {
            self.objects.delete(&object.key).await?;
            return Err(RegistryError::RepositoryUnknown(name.clone()));
        }
        let present = items.next().flatten();
        self.commit_layer(repository, digest, object, present, None).await?;
        Ok(())
    }

    async fn put_whole(
        &self,
        repository: &Repository,
        upload: &UploadId,
        digest: &Digest,
        chunk: Chunk,
    ) -> Result<StoredObject, RegistryError> {
        let key = blob_object(&repository.id, upload, Uuid::new_v4());
        let (expected, length) = (digest.clone(), chunk.length);
        let judge: Judge = Box::new(move |passed| {
            has_length(length, passed)?;
            must_match(passed.hasher.clone(), &expected)
        });
        let (body, outcome) = hashing(chunk.body, Hasher::new(digest.algorithm()), judge);
        let encryption = &repository.encryption;
        let new = NewObject { key: &key, encryption, digest: Some(digest) };
        let (size, _) = settle(self.objects.put(new, body).await, &outcome)?;
        Ok(StoredObject { key, size })
    }

    /// Checks the digest as far as the session's hash can tell, and records that the upload
    /// completes, before the store does. The last chunk is saved with it, so that a retry of the
    /// whole request never adds that chunk twice; the tail that was merged with it is deleted.
    async fn record_completion(
        &self,
        loaded: &mut Loaded,
        digest: &Digest,
        merged: Option<Tail>,
    ) -> Result<(), RegistryError> {
        self.must_be_free(loaded)?;
        let hasher = loaded.session.hasher()?;
        if hasher.algorithm() == digest.algorithm()
            && let Err(mismatch) = must_match(hasher, digest)
        {
            if loaded.discard(self.table.as_ref(), self.objects.as_ref()).await? {
                self.delete_tail(merged).await?;
            }
            return Err(mismatch);
        }
        loaded.session.set_lease(None);
        loaded.session.completing = Some(digest.clone());
        self.save(loaded).await?;
        self.delete_tail(merged).await
    }

    /// Makes the object of its parts. Only a digest of another algorithm than the session's costs
    /// a second read.
    async fn complete(
        &self,
        loaded: &Loaded,
        digest: &Digest,
    ) -> Result<StoredObject, RegistryError> {
        let Some(Multipart { object, id, parts }) = &loaded.session.multipart else {
            return Err(RegistryError::UploadUnknown(loaded.upload.clone()));
        };
        let size = loaded.session.offset;
        self.objects.complete_multipart(object, id, parts, size).await?;
        if loaded.session.hasher()?.algorithm() != digest.algorithm() {
            let hasher = self.hash_object(object, size, digest).await?;
            if let Err(mismatch) = must_match(hasher, digest) {
                loaded.discard(self.table.as_ref(), self.objects.as_ref()).await?;
                self.objects.delete(object).await?;
                return Err(mismatch);
            }
        }
        Ok(StoredObject { key: object.clone(), size })
    }

    async fn hash_object(
        &self,
        object: &ObjectKey,
        size: u64,
        digest: &Digest,
    ) -> Result<Hasher, RegistryError> {
        let hasher = Hasher::new(digest.algorithm());
        let body = self.objects.read(object, 0..size).await?;
        let (mut stream, outcome) = hashing(body, hasher, Box::new(|_| Ok(())));
        while let Some(piece) = stream.next().await {
            piece.map_err(crate::ports::PutError::Body)?;
        }
        settle(Ok(()), &outcome).map(|((), passed)| passed.hasher)
    }

    async fn commit(
        &self,
        loaded: Loaded,
        digest: &Digest,
        object: StoredObject,
    ) -> Result<FinishedUpload, RegistryError> {
        let session = Some((loaded.key(), loaded.version));
        let present = loaded.others.into_iter().next().flatten();
        let committed =
            self.commit_layer(&loaded.repository, digest, &object, present, session).await?;
        committed.ok_or(RegistryError::UploadUnknown(loaded.upload))
    }

    /// Makes the object the repository's layer, and removes the session in the same transaction.
    /// If the repository has the layer already, that one stays (and its deletion, if there is one, is taken back)
    /// and the new object is deleted. `None` if the session ended without making the layer.
    async fn commit_layer(
        &self,
        repository: &Repository,
        digest: &Digest,
        object: &StoredObject,
        mut present: Option<Item>,
        session: Option<(Key, u64)>,
    ) -> Result<Option<FinishedUpload>, RegistryError> {
        let mut session_stands = true;
        let mut attempts = Attempts::at(digest);
        loop {
            let known = present.as_ref().map(decode::<Layer>).transpose()?;
            let mut operations = Vec::new();
            if let Some((key, version)) = session.clone().filter(|_| session_stands) {
                operations.push(Operation::Delete { key, condition: Condition::Version(version) });
            }
            match (&known, &present) {
                (Some(layer), Some(item)) if !layer.is_kept() => {
                    let now = self.clock.now();
                    operations.extend(layer.keeping(repository, digest, item.version, now)?);
                }
                (None, _) if session_stands => {
                    let (size, object) = (object.size, object.key.clone());
                    let (deletion, storage) = (Deletion::None, LayerStorage::Standard);
                    let layer = Layer { size, object, deletion, storage };
                    let now = self.clock.now();
                    operations.extend(layer.creation(repository, digest, now)?);
                    operations.push(layer.naming(digest, now)?);
                }
                _ => {}
            }
            if operations.is_empty() || won(self.table.transact(operations).await)? {
                let made = match &known {
                    Some(layer) => layer.object == object.key,
                    None => session_stands,
                };
                if made {
                    return Ok(Some(FinishedUpload::Made));
                }
                self.objects.delete(&object.key).await?;
                return Ok(known.map(|_| FinishedUpload::Known));
            }
            attempts.next().await?;
            let layer = Place::Layer(&repository.id, digest).key();
            present = self.table.get(&layer, Consistency::Strong).await?;
            if let Some((key, version)) = &session {
                let item = self.table.get(key, Consistency::Strong).await?;
                session_stands = item.is_some_and(|item| item.version == *version);
            }
        }
    }
}

/// What the end of an upload made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishedUpload {
    /// A blob.
    Made,
    /// Nothing: the repository had the blob already.
    Known,
}

/// An object that is stored, and not yet anybody's.
#[derive(Clone, Debug)]
pub(super) struct StoredObject {
    pub(super) key: ObjectKey,
    pub(super) size: u64,
}

fn must_match(hasher: Hasher, expected: &Digest) -> Result<(), RegistryError> {
    let actual = hasher.finish();
    match actual == *expected {
        true => Ok(()),
        false => Err(RegistryError::DigestMismatch { expected: expected.clone(), actual }),
    }
}
