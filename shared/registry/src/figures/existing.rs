//! Counting the images of a repository that an earlier version made, beside pushes and deletions.

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
/// A page is counted as it is, less what the events tell that still lie in the outbox, as those
/// will count later; it does not matter in which order any of them are dispatched. The outbox is
/// read before and after the page: an image that changed in between has one event more. The
/// figures' version tells whether an event was dispatched meanwhile. Then the page is read again.
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

    /// Counts a page; `false` if one of its images changed meanwhile, or if an event was dispatched.
    async fn count_page(
        &self,
        id: &RepositoryId,
        figures: &FiguresItem,
    ) -> Result<bool, RegistryError> {
        let before = self.waiting(id).await?;
        let (images, counted) = self.read_page(id, &figures.counted).await?;
        let waiting = self.waiting(id).await?;
        let is_of_page = |digest: &Digest| counted.has(digest) && !figures.counted.has(digest);
        let of_page = |events: &[(Digest, Amounts)]| {
            let events = events.iter().filter(|(digest, _)| is_of_page(digest));
            events.map(|(_, amounts)| *amounts).collect::<Vec<_>>()
        };
        let waiting = of_page(&waiting);
        if of_page(&before).len() != waiting.len() {
            return Ok(false);
        }
        let page = images - waiting.into_iter().sum();
        let (walked, condition) = (figures.walked + page, Condition::Version(figures.version));
        let mut operations =
            vec![FiguresItem::put(id, &counted, walked, figures.version, condition)?];
        if page != Amounts::default() {
            operations.push(add_to_registry(page));
        }
        Ok(won(self.table.transact(operations).await)?)
    }

    /// Reads the images that follow, and returns what they count, and up to which they are.
    async fn read_page(
        &self,
        id: &RepositoryId,
        counted: &Counted,
    ) -> Result<(Amounts, Counted), StoreError> {
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
        let mut images = Amounts::default();
        let mut last = None;
        for item in &page.items {
            let (digest, part) = parse(item)?;
            if part == ImagePart::Summary {
                images += Amounts::of_image(&decode(item)?);
            }
            last = Some(digest);
        }
        let counted = match (page.next, last) {
            (Some(_), Some(last)) => Counted::To(last),
            _ => Counted::All,
        };
        Ok((images, counted))
    }

    /// Returns what the events that lie in the outbox tell of the repository's images.
    async fn waiting(&self, id: &RepositoryId) -> Result<Vec<(Digest, Amounts)>, RegistryError> {
        let mut waiting = Vec::new();
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
                for event in page.items.iter().filter_map(Event::read) {
                    if let Some((of, digest, amounts)) = image_of(&event.change)
                        && of == id
                    {
                        waiting.push((digest.clone(), amounts));
                    }
                }
                match page.next {
                    Some(_) if read >= MOST_EVENTS => {
                        return Err(RegistryError::Contended("the outbox".to_owned()));
                    }
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
        }
        Ok(waiting)
    }
}

fn parse(item: &Item) -> Result<(Digest, ImagePart), StoreError> {
    let damaged = || StoreError::new(StoreErrorKind::Damaged, "key among images");
    parse_image_key(&item.key.sort).ok_or_else(damaged)
}
