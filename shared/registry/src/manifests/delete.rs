use berth_types::{Digest, MediaType, Reference, Tag};
use bytes::Bytes;

use super::image_tags::{all_tags, some_tags};
use super::put::distinct;
use super::record::{DIGEST, Image, ManifestBytes, ManifestRecord, PARENTS, TagRecord};
use crate::access::{Action, GateError, ImagePermit, RepositoryPermit};
use crate::archive::ARCHIVED_PARENTS;
use crate::contention::{Attempts, won};
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{Place, RepositoryId};
use crate::outbox::{Change, ChangedImage, Event, Origin};
use crate::ports::{
    Condition, Consistency, Item, Key, MOST_OPERATIONS, Operation, StoreError, StoreErrorKind,
};
use crate::registry::Removal;
use crate::repositories::Repository;

/// How many tags are taken away at once: together with their image, or before it if it has more.
const TAGS_AT_ONCE: usize = 20;

/// Operations of a deletion besides those on tags, children and uses: on the image, its manifest,
/// its place among its subject's referrers, its last pull, and the event.
const OTHER_OPERATIONS: usize = 5;

/// An image, and all that goes with it.
pub(super) struct Doomed {
    /// Version of the image's summary that was seen.
    pub(super) version: u64,
    /// Whether an index lists it.
    pub(super) is_listed: bool,
    /// What must hold of the item of the image's last pull, if the transaction has room for it.
    pub(super) pulled: Condition,
    /// The last few tags.
    pub(super) tags: Vec<Tag>,
    /// Registry whose deletion is replicated, if it is one's.
    pub(super) origin: Option<Origin>,
    pub(super) summary: Image,
    blobs: Vec<Digest>,
    /// Children that count the image among their parents.
    children: Vec<Digest>,
    pub(super) bytes: ManifestBytes,
}

impl Removal {
    /// Deletes a tag, and leaves its image.
    pub async fn delete_tag(
        &self,
        permit: &RepositoryPermit,
        tag: &Tag,
    ) -> Result<(), RegistryError> {
        permit.must_be(Action::BatchDeleteImage);
        let (repository, _) = &self.directory.current(permit.name()).await?;
        let mut attempts = Attempts::at(tag);
        loop {
            let key = Place::Tag(&repository.id, tag).key();
            let item = self.table.get(&key, Consistency::Strong).await?;
            let Some(item) = item else {
                return Err(unknown(repository, Reference::Tag(tag.clone())));
            };
            let record: TagRecord = decode(&item)?;
            let TagRecord { digest, media_type, .. } = record;
            let mut operations = untag(&repository.id, &digest, tag).to_vec();
            operations.push(raise(&repository.id, &digest, Condition::Present));
            let tags = vec![tag.clone()];
            operations.push(self.removed(repository, &digest, media_type, tags).operation()?);
            if won(self.table.transact(operations).await)? {
                return Ok(());
            }
            attempts.next().await?;
        }
    }

    /// Deletes an image with all its tags, and returns these. Policies that ask for the tags are
    /// asked about those that go: a tag that comes in between makes it look again.
    pub async fn delete_image(
        &self,
        permit: &ImagePermit,
        digest: &Digest,
    ) -> Result<Vec<Tag>, GateError> {
        let repository = match self.directory.current(permit.name()).await {
            Ok((repository, _)) => repository,
            Err(error) => return Err(hidden(permit, error)),
        };
        let mut attempts = Attempts::at(digest);
        let mut deleted = Vec::new();
        loop {
            if let Some(doomed) = self.look_at(&repository, permit, digest, &mut deleted).await?
                && self.delete_doomed(&repository, digest, &doomed).await?
            {
                deleted.extend(doomed.tags);
                return Ok(deleted);
            }
            attempts.next().await?;
        }
    }

    /// Deletes an image that was looked at; `false` if it changed meanwhile.
    pub(super) async fn delete_doomed(
        &self,
        repository: &Repository,
        digest: &Digest,
        doomed: &Doomed,
    ) -> Result<bool, RegistryError> {
        if doomed.is_listed {
            let parents = self.parents(&repository.id, digest).await?;
            let (repository, digest) = (repository.name.clone(), digest.clone());
            return Err(RegistryError::ImageReferenced { repository, digest, parents });
        }
        let (operations, late) = self.plan(repository, digest, doomed).await?;
        if !won(self.table.transact(operations).await)? {
            return Ok(false);
        }
        self.delete_rest(late, &doomed.bytes).await?;
        Ok(true)
    }

    /// Deletes what lies outside the transaction that deleted an image.
    pub(super) async fn delete_rest(
        &self,
        late: Vec<[Operation; 2]>,
        bytes: &ManifestBytes,
    ) -> Result<(), RegistryError> {
        for operations in late {
            // What changed meanwhile is of the same image, pushed again; it keeps what it has.
            won(self.table.transact(operations.into()).await)?;
        }
        if let ManifestBytes::Object(object, _) = bytes {
            self.doomed.delete(object).await?;
        }
        Ok(())
    }

    /// Reads all that goes with the image, and takes all but its last few tags away, unless the
    /// image can't be deleted; those are added to `deleted`. `None` if another request was faster.
    async fn look_at(
        &self,
        repository: &Repository,
        permit: &ImagePermit,
        digest: &Digest,
        deleted: &mut Vec<Tag>,
    ) -> Result<Option<Doomed>, GateError> {
        loop {
            // The tags are read after the image: one that is added later raises its version.
            let looked = self.look_at_image(repository, digest).await;
            let mut doomed = looked.map_err(|error| hidden(permit, error))?;
            let tags = self.tags_to_delete(repository, permit, digest).await?;
            permit.to_remove(&tags)?.must_be(Action::BatchDeleteImage);
            if doomed.is_listed {
                return Ok(Some(doomed));
            }
            if tags.len() <= TAGS_AT_ONCE.min(doomed.room_for_tags()) {
                doomed.tags = tags;
                return Ok(Some(doomed));
            }
            let some = &tags[..tags.len().min(TAGS_AT_ONCE + 1)];
            let media_type = &doomed.summary.media_type;
            let operations =
                self.untagging(repository, digest, doomed.version, media_type, some)?;
            if !won(self.table.transact(operations).await)? {
                return Ok(None);
            }
            deleted.extend_from_slice(some);
        }
    }

    /// Returns the operations that take tags away from an image that is of this version.
    pub(super) fn untagging(
        &self,
        repository: &Repository,
        digest: &Digest,
        version: u64,
        media_type: &MediaType,
        tags: &[Tag],
    ) -> Result<Vec<Operation>, StoreError> {
        let untag_one = |tag| untag(&repository.id, digest, tag);
        let mut operations: Vec<_> = tags.iter().flat_map(untag_one).collect();
        operations.push(raise(&repository.id, digest, Condition::Version(version)));
        let event = self.removed(repository, digest, media_type.clone(), tags.to_vec());
        operations.push(event.operation()?);
        Ok(operations)
    }

    /// Returns what tells that an image lost tags and stays.
    pub(super) fn removed(
        &self,
        repository: &Repository,
        digest: &Digest,
        media_type: MediaType,
        tags: Vec<Tag>,
    ) -> Event {
        let (repository, repository_id) = (repository.name.clone(), repository.id.clone());
        let digest = digest.clone();
        let origin = None;
        let change =
            Change::TagsRemoved { repository, repository_id, digest, media_type, tags, origin };
        Event::new(change, self.clock.now())
    }

    /// Reads some of an image's tags, or all of them if policies ask for them.
    async fn tags_to_delete(
        &self,
        repository: &Repository,
        permit: &ImagePermit,
        digest: &Digest,
    ) -> Result<Vec<Tag>, RegistryError> {
        match permit.asks_for_tags() {
            true => all_tags(self.table.as_ref(), &repository.id, digest).await,
            false => self.few_tags(&repository.id, digest).await,
        }
    }

    /// Reads all that goes with the image, but its tags.
    pub(super) async fn look_at_image(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Doomed, RegistryError> {
        let id = &repository.id;
        let keys = [Place::Image(id, digest).key(), Place::Manifest(id, digest).key()];
        let [image, manifest] = self
            .table
            .batch_get(&keys, Consistency::Strong)
            .await?
            .try_into()
            .map_err(|_| StoreError::new(StoreErrorKind::Internal, "batch of another size"))?;
        let (Some(item), Some(manifest)) = (image, manifest) else {
            return Err(unknown(repository, Reference::Digest(digest.clone())));
        };
        let seen = Doomed::seen(item.version, decode(&item)?);
        let is_listed = item.counter(PARENTS) > 0;
        self.with_manifest(Doomed { is_listed, ..seen }, &manifest).await
    }

    /// Adds what the image's manifest says.
    pub(super) async fn with_manifest(
        &self,
        doomed: Doomed,
        manifest: &Item,
    ) -> Result<Doomed, RegistryError> {
        let record = ManifestRecord::read(manifest)?;
        let manifest = record.clone().parse(self.objects.as_ref()).await?;
        let children = doomed.summary.counted_children(&manifest);
        let blobs = distinct(manifest.blobs().map(|blob| blob.digest.clone()));
        Ok(Doomed { blobs, children, bytes: record.bytes, ..doomed })
    }

    /// Returns some of an image's tags: all of them, if they are [`TAGS_AT_ONCE`] or fewer.
    pub(super) async fn few_tags(
        &self,
        id: &RepositoryId,
        digest: &Digest,
    ) -> Result<Vec<Tag>, RegistryError> {
        let limit = TAGS_AT_ONCE + 1;
        Ok(some_tags(self.table.as_ref(), id, digest, None, limit).await?.0)
    }

    /// Returns the transaction that deletes the image, and the deletions of its use items, and
    /// maybe its last pull, that follow it where it has more layers or children than a transaction
    /// holds.
    pub(super) async fn plan(
        &self,
        repository: &Repository,
        digest: &Digest,
        doomed: &Doomed,
    ) -> Result<(Vec<Operation>, Vec<[Operation; 2]>), RegistryError> {
        let id = &repository.id;
        let condition = Condition::Version(doomed.version);
        let mut operations = vec![
            Operation::Delete { key: Place::Image(id, digest).key(), condition },
            delete(Place::Manifest(id, digest).key()),
        ];
        operations.extend(doomed.tags.iter().flat_map(|tag| untag(id, digest, tag)));
        if let Some(subject) = &doomed.summary.subject {
            operations.push(delete(Place::Referrer { repository: id, subject, digest }.key()));
        }
        for child in &doomed.children {
            let key = Place::Image(id, child).key();
            let counters = match doomed.summary.storage.is_active() {
                true => vec![(PARENTS, -1)],
                false => vec![(PARENTS, -1), (ARCHIVED_PARENTS, -1)],
            };
            operations.push(Operation::Add { key, counters, condition: Condition::Present });
        }
        let image = ChangedImage {
            origin: doomed.origin.clone(),
            ..ChangedImage::of(repository, digest, &doomed.summary)
        };
        let change = Change::ImageDeleted { image, tags: doomed.tags.clone() };
        operations.push(Event::new(change, self.clock.now()).operation()?);
        let use_key = |layer| Place::Use { repository: id, layer, image: digest }.key();
        let mut rest: Vec<_> = doomed.blobs.iter().map(use_key).collect();
        let pulled = Place::Pulled(id, digest).key();
        if operations.len() < MOST_OPERATIONS {
            operations.push(Operation::Delete { key: pulled, condition: doomed.pulled.clone() });
        } else {
            rest.push(pulled);
        }
        if operations.len() + rest.len() <= MOST_OPERATIONS {
            operations.extend(rest.into_iter().map(delete));
            return Ok((operations, Vec::new()));
        }
        let items = self.table.batch_get(&rest, Consistency::Strong).await?;
        let is_gone =
            Operation::Check { key: Place::Image(id, digest).key(), condition: Condition::Absent };
        let late = items.into_iter().flatten().map(|item| {
            let condition = Condition::Version(item.version);
            [Operation::Delete { key: item.key, condition }, is_gone.clone()]
        });
        Ok((operations, late.collect()))
    }
}

impl Doomed {
    /// Begins with an image that was seen in this version, and that no index lists.
    pub(super) fn seen(version: u64, summary: Image) -> Self {
        Self {
            version,
            is_listed: false,
            pulled: Condition::Any,
            tags: Vec::new(),
            origin: None,
            summary,
            blobs: Vec::new(),
            children: Vec::new(),
            bytes: ManifestBytes::Here(Bytes::new()),
        }
    }

    /// Returns how many tags may go together with the image.
    pub(super) fn room_for_tags(&self) -> usize {
        MOST_OPERATIONS.saturating_sub(OTHER_OPERATIONS + self.children.len()) / 2
    }
}

fn delete(key: Key) -> Operation {
    Operation::Delete { key, condition: Condition::Any }
}

/// Returns the operations that take `tag` away from an image, if it is still that image's.
pub(super) fn untag(id: &RepositoryId, digest: &Digest, tag: &Tag) -> [Operation; 2] {
    let condition = Condition::Attribute { name: DIGEST, value: digest.to_string() };
    [
        Operation::Delete { key: Place::Tag(id, tag).key(), condition },
        delete(Place::ImageTag(id, digest, tag).key()),
    ]
}

/// Returns the operation that raises the version of an image.
pub(super) fn raise(id: &RepositoryId, digest: &Digest, condition: Condition) -> Operation {
    let key = Place::Image(id, digest).key();
    Operation::Add { key, counters: Vec::new(), condition }
}

/// Returns what is said of an image, or a repository, that is not there: to who may not delete one
/// without tags, no more than that.
fn hidden(permit: &ImagePermit, error: RegistryError) -> GateError {
    let is_missing = matches!(
        error,
        RegistryError::RepositoryUnknown(_) | RegistryError::ManifestUnknown { .. }
    );
    match permit.to_remove(&[]) {
        Err(denied) if is_missing => denied.into(),
        _ => error.into(),
    }
}

fn unknown(repository: &Repository, reference: Reference) -> RegistryError {
    RegistryError::ManifestUnknown { repository: repository.name.clone(), reference }
}
