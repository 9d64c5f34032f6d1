use std::collections::{BTreeSet, HashSet};

use berth_types::Digest;

use super::is_over;
use super::range::Range;
use super::worker::{CollectWorker, damaged};
use crate::blobs::LayerUse;
use crate::contention::won;
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{
    IMAGES, ImagePart, Place, RepositoryId, USES, behind_uses, content, parse_image_key,
    parse_use_key,
};
use crate::ports::{
    Condition, Consistency, Item, MOST_OPERATIONS, Operation, ReadTable, Select, StoreError,
};

/// The most images that are remembered, in some 64 MiB; others are looked up when they are met.
const MOST_REMEMBERED: usize = 3_000_000;

/// How many uses are looked at more closely at once: each takes two operations at most.
const MOST_SUSPECTS: usize = MOST_OPERATIONS / 2;

/// Images of a repository, each by a part of its digest.
#[derive(Debug)]
struct KnownImages(HashSet<u64>);

impl KnownImages {
    async fn read(table: &dyn ReadTable, id: &RepositoryId) -> Result<Self, StoreError> {
        let mut known = HashSet::new();
        let mut images = Range::over(table, content(id), IMAGES, None, Select::Keys);
        while let Some(item) = images.next().await?
            && known.len() < MOST_REMEMBERED
        {
            let (digest, part) =
                parse_image_key(&item.key.sort).ok_or_else(|| damaged(&item.key.sort))?;
            if part == ImagePart::Summary {
                known.insert(begin(&digest));
            }
        }
        Ok(Self(known))
    }

    /// Whether the image was there; a digest that begins as another's counts as that one.
    fn has(&self, image: &Digest) -> bool {
        self.0.contains(&begin(image))
    }
}

fn begin(digest: &Digest) -> u64 {
    digest.hex().get(..16).and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0)
}

/// Walks over the uses of a repository's layers, and takes away those by images that are not there.
#[derive(Debug)]
pub(super) struct UseWalk<'a> {
    worker: &'a CollectWorker,
    id: &'a RepositoryId,
    known: KnownImages,
    uses: Range<'a>,
    /// Uses by images that were not there when the walk began.
    suspects: Vec<(Digest, Item)>,
}

impl<'a> UseWalk<'a> {
    /// Begins with the uses of the first layer, or of that behind `after`.
    pub(super) async fn begin(
        worker: &'a CollectWorker,
        id: &'a RepositoryId,
        after: Option<&Digest>,
    ) -> Result<Self, StoreError> {
        let table = worker.table.as_ref();
        let known = KnownImages::read(table, id).await?;
        let after = after.map(behind_uses);
        let uses = Range::over(table, content(id), USES, after, Select::Items);
        Ok(Self { worker, id, known, uses, suspects: Vec::new() })
    }

    /// Goes to the end of the layer's uses, and says whether one is by an image that was there when
    /// the walk began. If none is, those by images that are not there are gone afterwards.
    pub(super) async fn go_to(&mut self, layer: &Digest) -> Result<bool, RegistryError> {
        let end = behind_uses(layer);
        let mut is_used = false;
        while let Some(item) = self.uses.peek().await?
            && item.key.sort < end
        {
            if let Some(used) = self.take().await? {
                is_used |= used == *layer;
            }
        }
        if !is_used {
            self.settle().await?;
        }
        Ok(is_used)
    }

    /// Goes to the end of all uses.
    pub(super) async fn finish(mut self) -> Result<(), RegistryError> {
        while self.uses.peek().await?.is_some() {
            self.take().await?;
        }
        self.settle().await
    }

    /// Takes the next use, and returns its layer if it is by an image that was there.
    async fn take(&mut self) -> Result<Option<Digest>, RegistryError> {
        let Some(item) = self.uses.next().await? else { return Ok(None) };
        let (layer, image) =
            parse_use_key(&item.key.sort).ok_or_else(|| damaged(&item.key.sort))?;
        if self.known.has(&image) {
            return Ok(Some(layer));
        }
        self.suspects.push((image, item));
        if self.suspects.len() >= MOST_SUSPECTS {
            self.settle().await?;
        }
        Ok(None)
    }

    /// Deletes those of the suspects whose images are not there. One that was written ahead of its
    /// image stays as long as the push may go on.
    async fn settle(&mut self) -> Result<(), RegistryError> {
        let suspects = std::mem::take(&mut self.suspects);
        let images: BTreeSet<_> = suspects.iter().map(|(image, _)| image.clone()).collect();
        if images.is_empty() {
            return Ok(());
        }
        let table = self.worker.table.as_ref();
        let keys: Vec<_> = images.iter().map(|image| Place::Image(self.id, image).key()).collect();
        let items = table.batch_get(&keys, Consistency::Strong).await?;
        let absent = images.iter().zip(items).filter(|(_, item)| item.is_none());
        let absent: BTreeSet<_> = absent.map(|(image, _)| image).collect();
        let (now, grace) = (self.worker.clock.now(), self.worker.grace.unnamed);
        let mut operations = Vec::new();
        let mut gone = BTreeSet::new();
        for (image, item) in &suspects {
            let ahead_since = decode::<LayerUse>(item)?.ahead_since;
            let is_old = ahead_since.is_none_or(|since| is_over(since, grace, now));
            if absent.contains(image) && is_old {
                let condition = Condition::Version(item.version);
                operations.push(Operation::Delete { key: item.key.clone(), condition });
                gone.insert(image);
            }
        }
        operations.extend(gone.into_iter().map(|image| Operation::Check {
            key: Place::Image(self.id, image).key(),
            condition: Condition::Absent,
        }));
        if !operations.is_empty() {
            // If one of them was pushed meanwhile, the next collection looks at the others.
            won(table.transact(operations).await)?;
        }
        Ok(())
    }
}
