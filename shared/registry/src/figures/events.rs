//! Counting what events tell.

use std::collections::BTreeMap;

use berth_types::Digest;
use bytes::Bytes;

use super::amounts::Amounts;
use super::item::FiguresItem;
use crate::contention::won;
use crate::document::put;
use crate::layout::{Place, RepositoryId};
use crate::outbox::Change;
use crate::ports::{Condition, Consistency, Item, Key, Operation, StoreError, WriteTable};

/// What changes tell of one repository.
#[derive(Debug, Default)]
struct Told<'a> {
    images: Vec<(&'a Digest, Amounts)>,
    is_deleted: bool,
}

/// Returns the operations that count `changes`: one for each repository that they tell of, and one
/// for the registry. They go into the transaction that deletes the events. If its conditions fail,
/// the figures have changed in another way meanwhile: ask again, and try again.
///
/// A repository without figures is one that an earlier version made and that is not counted yet, or
/// one that was deleted; its events count nothing, as long as it is so.
pub(crate) async fn operations(
    table: &dyn WriteTable,
    changes: &[&Change],
) -> Result<Vec<Operation>, StoreError> {
    let told = by_repository(changes);
    if told.is_empty() {
        return Ok(Vec::new());
    }
    let mut keys: Vec<_> = told.keys().map(|id| Place::Figures(id).key()).collect();
    keys.push(Place::RegistryFigures.key());
    let mut items = table.batch_get(&keys, Consistency::Strong).await?;
    let registry = items.pop().flatten();
    let mut sum = Amounts::default();
    let mut operations = Vec::new();
    for ((_, told), (key, item)) in told.iter().zip(keys.into_iter().zip(&items)) {
        let (operation, amounts) = told.operation(key, item.as_ref())?;
        operations.push(operation);
        sum += amounts;
    }
    if sum != Amounts::default() {
        if registry.is_none() {
            make_registry_figures(table).await?;
        }
        operations.push(add_to_registry(sum));
    }
    Ok(operations)
}

/// Returns the operation that adds to the registry's figures, which are there.
pub(super) fn add_to_registry(amounts: Amounts) -> Operation {
    let (key, counters) = (Place::RegistryFigures.key(), amounts.counters());
    Operation::Add { key, counters, condition: Condition::Present }
}

/// Makes the registry's figures, if they are not there: counters are added to items that are.
pub(crate) async fn make_registry_figures(table: &dyn WriteTable) -> Result<(), StoreError> {
    let key = Place::RegistryFigures.key();
    let operation = put(key, Bytes::from_static(b"{}"), 1, Condition::Absent);
    won(table.transact(vec![operation]).await).map(drop)
}

/// Returns the image that a change made or took away, and what it counts.
pub(crate) fn image_of(change: &Change) -> Option<(&RepositoryId, &Digest, Amounts)> {
    match change {
        Change::ImagePushed { image, made: true, .. } => {
            Some((&image.repository_id, &image.digest, Amounts::of_event(image)))
        }
        Change::ImageDeleted { image, .. } => {
            Some((&image.repository_id, &image.digest, -Amounts::of_event(image)))
        }
        Change::ImagePushed { made: false, .. }
        | Change::TagsRemoved { .. }
        | Change::ImageArchived { .. }
        | Change::ImageActivated { .. }
        | Change::RepositoryChanged { .. }
        | Change::RepositoryDeleted { .. }
        | Change::Asked { .. }
        | Change::Due { .. } => None,
    }
}

fn by_repository<'a>(changes: &[&'a Change]) -> BTreeMap<&'a RepositoryId, Told<'a>> {
    let mut told: BTreeMap<_, Told<'_>> = BTreeMap::new();
    for change in changes {
        if let Change::RepositoryDeleted { repository_id, .. } = change {
            told.entry(repository_id).or_default().is_deleted = true;
        }
        if let Some((id, digest, amounts)) = image_of(change) {
            told.entry(id).or_default().images.push((digest, amounts));
        }
    }
    told
}

impl Told<'_> {
    /// Returns the operation on the repository's figures, and what it adds to the registry's.
    fn operation(&self, key: Key, item: Option<&Item>) -> Result<(Operation, Amounts), StoreError> {
        let Some(item) = item else {
            let condition = Condition::Absent;
            return Ok((Operation::Check { key, condition }, Amounts::default()));
        };
        let figures = FiguresItem::read(item)?;
        if self.is_deleted {
            let condition = Condition::Version(figures.version);
            return Ok((Operation::Delete { key, condition }, -figures.total()));
        }
        let counted = self.images.iter().filter(|(digest, _)| figures.counted.has(digest));
        let amounts: Amounts = counted.map(|(_, amounts)| *amounts).sum();
        // An event that does not count raises the version all the same: whoever counts the image
        // at this moment looks again.
        let (counters, condition) = (amounts.counters(), figures.counted.condition());
        Ok((Operation::Add { key, counters, condition }, amounts))
    }
}
