//! How much storage goes with images: the layers that none but they have.

use std::collections::HashSet;

use berth_types::Digest;

use crate::blobs::Layer;
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{Place, RepositoryId, USES, content, parse_use_key};
use crate::ports::{Consistency, Query, ReadTable, Select, StoreError, StoreErrorKind};

/// How many uses are read at once.
const USES_AT_ONCE: usize = 1000;

/// How many layers' sizes are read at once.
const LAYERS_AT_ONCE: usize = 100;

/// Returns the sum of the sizes of the repository's layers that only `images` have, in bytes.
///
/// Reads one key for each use of a layer in the repository, in the order of the layers.
pub(super) async fn freed_bytes(
    table: &dyn ReadTable,
    id: &RepositoryId,
    images: &HashSet<&Digest>,
) -> Result<u64, RegistryError> {
    if images.is_empty() {
        return Ok(0);
    }
    let mut freed = Freed { table, id, layers: Vec::new(), bytes: 0 };
    // The layer that is looked at, and whether none but `images` was found to have it.
    let mut current: Option<(Digest, bool)> = None;
    let mut query = Query {
        partition: content(id),
        prefix: USES.to_owned(),
        after: None,
        limit: USES_AT_ONCE,
        consistency: Consistency::Strong,
        select: Select::Keys,
    };
    loop {
        let page = table.query(&query).await?;
        for item in page.items {
            let damaged = || StoreError::new(StoreErrorKind::Damaged, "key among uses");
            let (layer, image) = parse_use_key(&item.key.sort).ok_or_else(damaged)?;
            let goes = images.contains(&image);
            match &mut current {
                Some((same, all_go)) if *same == layer => *all_go &= goes,
                _ => freed.take(current.replace((layer, goes))).await?,
            }
        }
        let Some(next) = page.next else { break };
        query.after = Some(next);
    }
    freed.take(current).await?;
    freed.add_sizes().await?;
    Ok(freed.bytes)
}

/// Sums sizes up.
struct Freed<'a> {
    table: &'a dyn ReadTable,
    id: &'a RepositoryId,
    /// Layers whose sizes are still to be added.
    layers: Vec<Digest>,
    bytes: u64,
}

impl Freed<'_> {
    /// Takes note of a layer, if all images go that have it.
    async fn take(&mut self, layer: Option<(Digest, bool)>) -> Result<(), RegistryError> {
        self.layers.extend(layer.filter(|(_, goes)| *goes).map(|(layer, _)| layer));
        if self.layers.len() >= LAYERS_AT_ONCE {
            self.add_sizes().await?;
        }
        Ok(())
    }

    async fn add_sizes(&mut self) -> Result<(), RegistryError> {
        let keys: Vec<_> =
            self.layers.drain(..).map(|layer| Place::Layer(self.id, &layer).key()).collect();
        if keys.is_empty() {
            return Ok(());
        }
        for item in self.table.batch_get(&keys, Consistency::Strong).await?.iter().flatten() {
            self.bytes = self.bytes.saturating_add(decode::<Layer>(item)?.size);
        }
        Ok(())
    }
}
