use std::sync::Arc;

use berth_types::{Digest, Manifest};

use super::status::ImageStatus;
use crate::contention::won;
use crate::document::{decode, encode, put};
use crate::error::RegistryError;
use crate::layout::Place;
use crate::manifests::{Image, ManifestRecord, PARENTS};
use crate::outbox::{Change, ChangedImage, Event, Origin};
use crate::ports::{Clock, Condition, Consistency, Operation, ReadObjects, WriteTable};
use crate::repositories::Repository;

/// Counter of the indexes in the archive that list an image; they are among its parents as well.
pub(crate) const ARCHIVED_PARENTS: &str = "archivedParents";

/// Changes where images are kept, one image at a time.
#[derive(Clone, Debug)]
pub(crate) struct Transitions {
    table: Arc<dyn WriteTable>,
    objects: Arc<dyn ReadObjects>,
    clock: Arc<dyn Clock>,
}

/// An image as it was seen.
#[derive(Clone, Debug)]
pub(crate) struct SeenImage {
    pub(crate) digest: Digest,
    pub(crate) version: u64,
    pub(crate) summary: Image,
    /// How many indexes list it that are not in the archive.
    pub(crate) active_parents: u64,
}

impl Transitions {
    pub(crate) fn new(
        table: Arc<dyn WriteTable>,
        objects: Arc<dyn ReadObjects>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { table, objects, clock }
    }

    /// Reads an image; `None` if it is not there.
    pub(crate) async fn look(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<SeenImage>, RegistryError> {
        let key = Place::Image(&repository.id, digest).key();
        let Some(item) = self.table.get(&key, Consistency::Strong).await? else {
            return Ok(None);
        };
        let active_parents = item.counter(PARENTS) - item.counter(ARCHIVED_PARENTS);
        Ok(Some(SeenImage {
            digest: digest.clone(),
            version: item.version,
            summary: decode(&item)?,
            active_parents: u64::try_from(active_parents).unwrap_or(0),
        }))
    }

    /// Gives an image another status, and writes `events` in the same transaction; `false` if the
    /// image changed since it was seen.
    ///
    /// An index that goes to the archive, or is back, is counted anew by its children.
    pub(crate) async fn change(
        &self,
        repository: &Repository,
        seen: &SeenImage,
        status: ImageStatus,
        events: Vec<Event>,
    ) -> Result<bool, RegistryError> {
        let events = events.iter().map(Event::operation).collect::<Result<_, _>>()?;
        self.change_with(repository, seen, status, events).await
    }

    /// Gives an image another status, by a transaction that holds `more` as well.
    async fn change_with(
        &self,
        repository: &Repository,
        seen: &SeenImage,
        status: ImageStatus,
        more: Vec<Operation>,
    ) -> Result<bool, RegistryError> {
        let before = seen.summary.storage;
        let storage = before.changed(status, self.clock.now());
        let key = Place::Image(&repository.id, &seen.digest).key();
        let document = encode(&Image { storage, ..seen.summary.clone() })?;
        let condition = Condition::Version(seen.version);
        let mut operations = vec![put(key, document, seen.version, condition)];
        if before.is_active() != storage.is_active() {
            let amount = if storage.is_active() { -1 } else { 1 };
            for child in self.counted_children(repository, seen).await? {
                let key = Place::Image(&repository.id, &child).key();
                let counters = vec![(ARCHIVED_PARENTS, amount)];
                operations.push(Operation::Add { key, counters, condition: Condition::Present });
            }
        }
        operations.extend(more);
        Ok(won(self.table.transact(operations).await)?)
    }

    /// Makes an image that is in the archive, or on its way back, one that can be pulled, since it
    /// was restored or pushed, if by a replication, from `origin`. `false` if it changed since it
    /// was seen.
    pub(crate) async fn activate(
        &self,
        repository: &Repository,
        seen: &SeenImage,
        origin: Option<Origin>,
    ) -> Result<bool, RegistryError> {
        let image = ChangedImage::of(repository, &seen.digest, &seen.summary);
        let image = ChangedImage { origin, ..image };
        let event = Event::new(Change::ImageActivated { image }, self.clock.now());
        self.change(repository, seen, ImageStatus::Active, vec![event]).await
    }

    /// Moves an image to the archive. `false` if it changed since it was seen, or if `checks` do not
    /// hold.
    pub(crate) async fn archive(
        &self,
        repository: &Repository,
        seen: &SeenImage,
        mut checks: Vec<Operation>,
    ) -> Result<bool, RegistryError> {
        let image = ChangedImage::of(repository, &seen.digest, &seen.summary);
        let event = Event::new(Change::ImageArchived { image }, self.clock.now());
        checks.push(event.operation()?);
        self.change_with(repository, seen, ImageStatus::Archived, checks).await
    }

    /// Returns the children of an index that count it among their parents.
    pub(crate) async fn counted_children(
        &self,
        repository: &Repository,
        seen: &SeenImage,
    ) -> Result<Vec<Digest>, RegistryError> {
        if !seen.summary.is_index() {
            return Ok(Vec::new());
        }
        let manifest = self.manifest(repository, &seen.digest).await?;
        Ok(manifest.map(|manifest| seen.summary.counted_children(&manifest)).unwrap_or_default())
    }

    /// Reads the manifest of an image; `None` if it is not there any more.
    pub(crate) async fn manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Manifest>, RegistryError> {
        let key = Place::Manifest(&repository.id, digest).key();
        let Some(item) = self.table.get(&key, Consistency::Strong).await? else {
            return Ok(None);
        };
        Ok(Some(ManifestRecord::read(&item)?.parse(self.objects.as_ref()).await?))
    }
}
