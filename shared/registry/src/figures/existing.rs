//! Counting the images of a repository that an earlier version made, beside pushes and deletions.

use std::collections::BTreeMap;
use std::sync::Arc;

use berth_types::{Digest, RepositoryName};

use super::amounts::Amounts;
use super::events::{add_to_registry, image_of, make_registry_figures};
use super::item::{Counted, FiguresItem};
use crate::contention::{Attempts, won};
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{
    IMAGES, ImagePart, OUTBOX_SHARDS, Place, RepositoryId, behind_image, content, outbox,
    parse_image_key,
};
use crate::outbox::Event;
use crate::ports::{
    Clock, Condition, Consistency, Item, Operation, Query, Select, StoreError, StoreErrorKind,
    Timestamp, WriteTable,
};
use crate::repositories::Directory;

/// How many items among images are counted in one transaction.
const PAGE: usize = 500;

/// How many events are read at once.
const EVENTS: usize = 500;

/// The most events that may wait in a shard of the outbox while images are counted.
const MOST_EVENTS: usize = 10_000;

/// Counts the images of repositories that an earlier version made, which have no figures: page by
/// page, in the order of the digests. Events of images on pages that are counted count from then
/// on, those of the others don't.
///
/// A page is counted as the events that were dispatched have left it: what those have done that
/// still lie in the outbox is taken back, as they will count later. The figures' version tells
/// whether one of them was dispatched meanwhile; then the page is read again.
#[derive(Debug)]
pub struct ExistingImages {
    table: Arc<dyn WriteTable>,
    directory: Directory,
    clock: Arc<dyn Clock>,
}

/// How far the counting has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountingProgress {
    /// All images are counted, or the repository is gone.
    Done,
    /// The time was up: what was counted is kept.
    Interrupted,
}

impl ExistingImages {
    /// Puts the counting on a table and a clock.
    #[must_use]
    pub fn new(table: Arc<dyn WriteTable>, clock: Arc<dyn Clock>) -> Self {
        let directory = Directory::new(table.clone(), clock.clone());
        Self { table, directory, clock }
    }

    /// Counts the images of the repository `name` of this `id`, if it has no figures or not of all
    /// its images, until the time is up. Costs one read where they are counted.
    pub async fn count(
        &self,
        name: &RepositoryName,
        id: &RepositoryId,
        until: Timestamp,
    ) -> Result<CountingProgress, RegistryError> {
        let key = Place::Figures(id).key();
        let counted = format!("the figures of {name}");
        let mut attempts = Attempts::at(&counted);
        loop {
            let item = self.table.get(&key, Consistency::Strong).await?;
            let Some(figures) = item.as_ref().map(FiguresItem::read).transpose()? else {
                if !self.begin(name, id).await? {
                    return Ok(CountingProgress::Done);
                }
                continue;
            };
            if figures.counted == Counted::All {
                return Ok(CountingProgress::Done);
            }
            if self.clock.now() >= until {
                return Ok(CountingProgress::Interrupted);
            }
            match self.count_page(id, &figures).await? {
                true => attempts = Attempts::at(&counted),
                false => attempts.next().await?,
            }
        }
    }

    /// Makes the figures of a repository; `false` if it is gone. Its deletion finds them then.
    async fn begin(&self, name: &RepositoryName, id: &RepositoryId) -> Result<bool, RegistryError> {
        let version = match self.directory.current(name).await {
            Ok((found, version)) if found.id == *id => version,
            Ok(_) | Err(RegistryError::RepositoryUnknown(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        make_registry_figures(self.table.as_ref()).await?;
        let (nothing, first_version) = (Amounts::default(), self.clock.now().millis());
        let condition = Condition::Absent;
        let operations = vec![
            Operation::Check {
                key: Place::Repository(name).key(),
                condition: Condition::Version(version),
            },
            FiguresItem::put(id, &Counted::Nothing, nothing, first_version, condition)?,
        ];
        // Whoever was faster made them as well, or changed the repository: it is looked at again.
        won(self.table.transact(operations).await)?;
        Ok(true)
    }

    /// Counts a page; `false` if an event was dispatched meanwhile, or if one is to be first.
    async fn count_page(
        &self,
        id: &RepositoryId,
        figures: &FiguresItem,
    ) -> Result<bool, RegistryError> {
        let (mut images, counted) = self.read_page(id, &figures.counted).await?;
        // Read after the images: what was done to them until then is among these.
        let mut waiting: BTreeMap<Digest, Amounts> = BTreeMap::new();
        let mut all = true;
        self.for_each_event(|event| {
            if let Some((of, digest, amounts)) = image_of(&event.change)
                && of == id
                && counted.has(digest)
                && !figures.counted.has(digest)
            {
                *waiting.entry(digest.clone()).or_default() += amounts;
            }
        })
        .await?;
        for (digest, amounts) in waiting {
            match amounts.images {
                // It was not there before them.
                1.. => drop(images.remove(&digest)),
                // It was.
                ..0 => drop(images.insert(digest, -amounts)),
                // It came and went, or went and came.
                0 => all = false,
            }
        }
        if !all {
            return Ok(false);
        }
        let page: Amounts = images.into_values().sum();
        let (walked, condition) = (figures.walked + page, Condition::Version(figures.version));
        let mut operations =
            vec![FiguresItem::put(id, &counted, walked, figures.version, condition)?];
        if page != Amounts::default() {
            operations.push(add_to_registry(page));
        }
        Ok(won(self.table.transact(operations).await)?)
    }

    /// Reads the images that follow, and returns up to which.
    async fn read_page(
        &self,
        id: &RepositoryId,
        counted: &Counted,
    ) -> Result<(BTreeMap<Digest, Amounts>, Counted), StoreError> {
        let after = match counted {
            Counted::To(digest) => Some(behind_image(digest)),
            Counted::Nothing | Counted::All => None,
        };
        let query = Query {
            partition: content(id),
            prefix: IMAGES.to_owned(),
            after,
            limit: PAGE,
            consistency: Consistency::Strong,
            select: Select::Items,
        };
        let page = self.table.query(&query).await?;
        let mut images = BTreeMap::new();
        let mut last = None;
        for item in &page.items {
            let (digest, part) = parse(item)?;
            if part == ImagePart::Summary {
                images.insert(digest.clone(), Amounts::of_image(&decode(item)?));
            }
            last = Some(digest);
        }
        let counted = match (page.next, last) {
            (Some(_), Some(last)) => Counted::To(last),
            _ => Counted::All,
        };
        Ok((images, counted))
    }

    /// Reads all events that lie in the outbox.
    async fn for_each_event(&self, mut each: impl FnMut(Event)) -> Result<(), RegistryError> {
        for shard in 0..OUTBOX_SHARDS {
            let mut read = 0;
            let mut after = None;
            loop {
                let query = Query {
                    partition: outbox(shard),
                    prefix: String::new(),
                    after,
                    limit: EVENTS,
                    consistency: Consistency::Strong,
                    select: Select::Items,
                };
                let page = self.table.query(&query).await?;
                read += page.items.len();
                page.items.iter().filter_map(Event::read).for_each(&mut each);
                match page.next {
                    Some(_) if read >= MOST_EVENTS => {
                        return Err(RegistryError::Contended("the outbox".to_owned()));
                    }
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        Ok(())
    }
}

fn parse(item: &Item) -> Result<(Digest, ImagePart), StoreError> {
    let damaged = || StoreError::new(StoreErrorKind::Damaged, "key among images");
    parse_image_key(&item.key.sort).ok_or_else(damaged)
}
