use std::sync::Arc;

use berth_types::Digest;
use quick_cache::sync::Cache;

use super::active::StatusReader;
use super::status::ImageStatus;
use crate::blobs::{Layer, LayerStorage};
use crate::contention::{Attempts, won};
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{Place, RepositoryId, content, links, uses};
use crate::ports::{
    Consistency, Item, MoveObjects, NewObject, Query, Select, StorageClass, StoreError,
    StoreErrorKind, WriteTable,
};
use crate::repositories::Repository;

/// How many uses of a layer, or links of a blob, are read at once.
const AT_ONCE: usize = 100;

/// How many links of a blob are looked at; one with more stays where it is.
const MOST_LINKS: usize = 100;

/// For how many layers an image that needs them is remembered.
const REMEMBERED: usize = 10_000;

/// Brings the bytes of layers to where images need them.
///
/// A layer leaves for the archive as a blob is deleted: its item says that it leaves, then its uses
/// are looked at once more, then its item says that it is gone, on condition that nobody took it
/// back; only then its object moves. A push, an upload or a mount that needs it takes it back when
/// it looks again after its own transaction. So no layer of an image that can be pulled is ever
/// refused; what a race leaves in the wrong place is read a little dearer until the next job.
#[derive(Clone, Debug)]
pub(super) struct Layers {
    table: Arc<dyn WriteTable>,
    objects: Arc<dyn MoveObjects>,
    /// An image that needed a layer the last time, which is looked at first.
    users: Arc<Cache<(RepositoryId, Digest), Digest>>,
}

/// Who uses a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// An image that can be pulled, or is on its way back.
    Needed,
    /// Images in the archive alone.
    Archived,
    /// No image.
    Unused,
}

impl Layers {
    pub(super) fn new(table: Arc<dyn WriteTable>, objects: Arc<dyn MoveObjects>) -> Self {
        Self { table, objects, users: Arc::new(Cache::new(REMEMBERED)) }
    }

    /// Brings a layer's bytes to where images need them.
    pub(super) async fn place(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        let mut attempts = Attempts::at(digest);
        loop {
            let key = Place::Layer(&repository.id, digest).key();
            let Some(item) = self.table.get(&key, Consistency::Strong).await? else {
                return Ok(());
            };
            let layer: Layer = decode(&item)?;
            let is_placed = match (self.need(repository, digest).await?, layer.storage) {
                (Need::Needed, _) => self.bring_back(repository, digest, &layer, &item).await?,
                (Need::Unused, _) => true,
                (Need::Archived, LayerStorage::Standard) => {
                    if self.is_shared(repository, digest, &layer).await? {
                        return Ok(());
                    }
                    // The next round looks once more.
                    self.record(repository, digest, &layer, &item, LayerStorage::Leaving).await?;
                    continue;
                }
                (Need::Archived, LayerStorage::Leaving) => {
                    let gone = LayerStorage::Archived;
                    self.record(repository, digest, &layer, &item, gone).await?;
                    continue;
                }
                (Need::Archived, LayerStorage::Archived) => {
                    self.move_to(repository, &layer, StorageClass::Archive).await?;
                    self.is_unchanged(&item).await?
                }
            };
            if is_placed {
                return Ok(());
            }
            attempts.next().await?;
        }
    }

    /// Brings a layer's bytes back; `false` if it changed meanwhile.
    async fn bring_back(
        &self,
        repository: &Repository,
        digest: &Digest,
        layer: &Layer,
        item: &Item,
    ) -> Result<bool, RegistryError> {
        self.move_to(repository, layer, StorageClass::Standard).await?;
        match layer.storage {
            LayerStorage::Standard => Ok(true),
            LayerStorage::Leaving | LayerStorage::Archived => {
                self.record(repository, digest, layer, item, LayerStorage::Standard).await
            }
        }
    }

    async fn move_to(
        &self,
        repository: &Repository,
        layer: &Layer,
        class: StorageClass,
    ) -> Result<(), StoreError> {
        let new =
            NewObject { key: &layer.object, encryption: &repository.encryption, digest: None };
        match self.objects.move_to(new, layer.size, class).await {
            // It was collected meanwhile.
            Err(error) if error.kind() == StoreErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    /// Records where a layer is kept; `false` if it changed since it was read.
    async fn record(
        &self,
        repository: &Repository,
        digest: &Digest,
        layer: &Layer,
        item: &Item,
        storage: LayerStorage,
    ) -> Result<bool, RegistryError> {
        let changed = Layer { storage, ..layer.clone() };
        let operation = changed.replacing(&repository.id, digest, item.version)?;
        Ok(won(self.table.transact(vec![operation]).await)?)
    }

    async fn is_unchanged(&self, item: &Item) -> Result<bool, RegistryError> {
        let now = self.table.get(&item.key, Consistency::Strong).await?;
        Ok(now.is_none_or(|now| now.version == item.version))
    }

    /// Whether another repository links the layer's object, or too many to look.
    async fn is_shared(
        &self,
        repository: &Repository,
        digest: &Digest,
        layer: &Layer,
    ) -> Result<bool, RegistryError> {
        let query = Query {
            partition: links(digest),
            prefix: String::new(),
            after: None,
            limit: MOST_LINKS,
            consistency: Consistency::Strong,
            select: Select::Keys,
        };
        let page = self.table.query(&query).await?;
        if page.next.is_some() {
            return Ok(true);
        }
        let ids = page.items.into_iter().map(|link| RepositoryId::of_key(link.key.sort));
        let others: Vec<_> = ids.filter(|id| *id != repository.id).collect();
        let keys: Vec<_> = others.iter().map(|id| Place::Layer(id, digest).key()).collect();
        for item in self.table.batch_get(&keys, Consistency::Strong).await?.iter().flatten() {
            if decode::<Layer>(item)?.object == layer.object {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Finds out who uses a layer. It goes around its uses, from the one that was found the last
    /// time: so images that go to the archive one after the other don't each look at all those that
    /// went before.
    async fn need(&self, repository: &Repository, layer: &Digest) -> Result<Need, RegistryError> {
        let remembered = (repository.id.clone(), layer.clone());
        let begin = self.users.get(&remembered).map(|user| {
            let mut begin = format!("{}{user}", uses(layer));
            // Reads begin behind a key, and this one is to be among them.
            begin.pop();
            begin
        });
        let mut arcs = vec![(begin.clone(), None)];
        if begin.is_some() {
            arcs.push((None, begin));
        }
        let mut need = Need::Unused;
        for (after, end) in arcs {
            match self.need_between(repository, layer, after, end.as_deref()).await? {
                (Need::Needed, Some(user)) => {
                    self.users.insert(remembered, user);
                    return Ok(Need::Needed);
                }
                (Need::Unused, _) => {}
                (found, _) => need = found,
            }
        }
        Ok(need)
    }

    /// Finds out who uses a layer among the uses after a sort key, up to another one, and the first
    /// image that needs it.
    async fn need_between(
        &self,
        repository: &Repository,
        layer: &Digest,
        mut after: Option<String>,
        end: Option<&str>,
    ) -> Result<(Need, Option<Digest>), RegistryError> {
        let statuses = StatusReader { table: self.table.as_ref(), repository };
        let prefix = uses(layer);
        let mut need = Need::Unused;
        loop {
            let query = Query {
                partition: content(&repository.id),
                prefix: prefix.clone(),
                after,
                limit: AT_ONCE,
                consistency: Consistency::Strong,
                select: Select::Keys,
            };
            let page = self.table.query(&query).await?;
            let mut images = Vec::new();
            for item in &page.items {
                if end.is_some_and(|end| item.key.sort.as_str() > end) {
                    break;
                }
                let image = item.key.sort.strip_prefix(&prefix).unwrap_or_default().parse();
                images
                    .push(image.map_err(|error| StoreError::new(StoreErrorKind::Damaged, error))?);
            }
            // A use without its image is that of one which is being pushed, and needs it.
            let known = statuses.of_all(images.iter()).await?;
            for image in &images {
                if known.get(image) != Some(&ImageStatus::Archived) {
                    return Ok((Need::Needed, Some(image.clone())));
                }
                need = Need::Archived;
            }
            let is_at_end = images.len() < page.items.len();
            match page.next.filter(|_| !is_at_end) {
                Some(next) => after = Some(next),
                None => return Ok((need, None)),
            }
        }
    }
}
