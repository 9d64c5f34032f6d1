//! Storage figures, and the events that will change them.

use std::collections::HashMap;

use berth_types::Digest;

use super::repository::{Checked, Content};
use super::{Look, Pages};
use crate::error::RegistryError;
use crate::figures::{Amounts, FiguresItem, image_of, make_registry_figures};
use crate::layout::{OUTBOX_SHARDS, Place, RepositoryId, outbox};
use crate::outbox::Event;
use crate::ports::{Condition, Operation, Select, StoreError};

/// What the events that lie in the outbox tell of images, for each repository.
pub(super) type Events = HashMap<RepositoryId, Vec<(Digest, Amounts)>>;

impl Look<'_> {
    /// Reads the outbox.
    pub(super) async fn read_events(&self) -> Result<Events, StoreError> {
        let mut events = Events::new();
        for shard in 0..OUTBOX_SHARDS {
            let mut pages = Pages::of(outbox(shard), "", Select::Items);
            while let Some(items) = pages.next(self.table()).await? {
                for event in items.iter().filter_map(Event::read) {
                    if let Some((id, digest, amounts)) = image_of(&event.change) {
                        events.entry(id.clone()).or_default().push((digest.clone(), amounts));
                    }
                }
            }
        }
        Ok(events)
    }

    /// Reads the figures of a repository.
    pub(super) async fn figures(
        &self,
        content: Content<'_>,
    ) -> Result<Option<FiguresItem>, StoreError> {
        let item = self.get(&Place::Figures(content.id).key()).await?;
        item.as_ref().map(FiguresItem::read).transpose()
    }

    /// Checks the figures of a repository, and returns what they should say: what its images come
    /// to, as far as they are counted, without what events will still add.
    pub(super) async fn repository_figures(
        &mut self,
        content: Content<'_>,
        figures: &FiguresItem,
        checked: &Checked,
        events: &Events,
    ) -> Result<Amounts, RegistryError> {
        let waiting = events.get(content.id).into_iter().flatten();
        let waiting = waiting.filter(|(digest, _)| figures.counted.has(digest));
        let expected = checked.amounts - waiting.map(|(_, amounts)| *amounts).sum();
        let found = figures.total();
        if found != expected {
            let walked = expected - figures.told;
            let condition = Condition::Version(figures.version);
            let (counted, version) = (&figures.counted, figures.version);
            let put = FiguresItem::put(content.id, counted, walked, version, condition)?;
            let is_mended = self.mend(vec![put]).await?;
            for (what, found, expected) in numbers(found, expected) {
                self.counter(Some(content.name), what, (found, expected), is_mended);
            }
        }
        Ok(expected)
    }

    /// Checks the figures of the registry against the sum of those of its repositories.
    pub(super) async fn registry_figures(
        &mut self,
        expected: Amounts,
    ) -> Result<(), RegistryError> {
        let key = Place::RegistryFigures.key();
        let mut item = self.get(&key).await?;
        let found = item.as_ref().map(Amounts::of_counters).unwrap_or_default();
        if found == expected {
            return Ok(());
        }
        if item.is_none() {
            make_registry_figures(self.verify.table.as_ref()).await?;
            item = self.get(&key).await?;
        }
        let counters = (expected - found).counters();
        let condition = item.map_or(Condition::Present, |item| Condition::Version(item.version));
        let is_mended = self.mend(vec![Operation::Add { key, counters, condition }]).await?;
        for (what, found, expected) in numbers(found, expected) {
            self.counter(None, what, (found, expected), is_mended);
        }
        Ok(())
    }
}

/// Returns the names of the figures, what they are, and what they should be.
fn numbers(found: Amounts, expected: Amounts) -> [(&'static str, i64, i64); 3] {
    [
        ("figure of images", found.images, expected.images),
        ("figure of bytes of manifests", found.manifest_bytes, expected.manifest_bytes),
        ("figure of bytes of images", found.image_bytes, expected.image_bytes),
    ]
}
