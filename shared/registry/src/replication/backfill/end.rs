use super::record::{BackfillRecord, BackfillState, Ending};
use super::start::ReadUnended;
use super::{BackfillId, Read, damaged, write};
use crate::contention::{Attempts, won};
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{BACKFILLS, Place, backfill_pages};
use crate::ports::{Condition, Consistency, MOST_OPERATIONS, Operation, Query, Select, Timestamp};
use crate::replication::ReplicateWorker;

/// How many backfills are looked at to find the old ones, which come first.
const LOOKED_AT: usize = 25;

impl ReplicateWorker {
    /// Ends a backfill, if nobody changed its record meanwhile.
    pub(super) async fn end(&self, found: &Read, ending: Ending) -> Result<(), RegistryError> {
        let table = self.ports.table.as_ref();
        let state = BackfillState::Ended { at: self.ports.clock.now(), ending, prepared: true };
        let record = BackfillRecord { state, ..found.record.clone() };
        let operations =
            vec![found.replace(&record)?, ReadUnended::read(table).await?.without(found.id)?];
        // If it lost, the record is read again, and judged again.
        if !won(table.transact(operations).await)? {
            Attempts::at(&found.id).next().await?;
        }
        Ok(())
    }

    /// Deletes the backfills that ended too long ago to be shown, as many as there is time for.
    pub(super) async fn forget_old(&self, until: Timestamp) -> Result<(), RegistryError> {
        let query = Query {
            partition: BACKFILLS.to_owned(),
            prefix: String::new(),
            after: None,
            limit: LOOKED_AT,
            consistency: Consistency::Strong,
            select: Select::Items,
        };
        let page = self.ports.table.query(&query).await?;
        for item in &page.items {
            let now = self.ports.clock.now();
            let record: BackfillRecord = decode(item)?;
            if !record.is_old(now) {
                continue;
            }
            let id: BackfillId = item.key.sort.parse().map_err(damaged)?;
            while now < until && self.delete_pages(id).await? {}
        }
        Ok(())
    }

    /// Deletes pages of a backfill, and the backfill with the last of them; returns whether there
    /// are more.
    async fn delete_pages(&self, id: BackfillId) -> Result<bool, RegistryError> {
        let table = self.ports.table.as_ref();
        let query = Query {
            partition: backfill_pages(id),
            prefix: String::new(),
            after: None,
            limit: MOST_OPERATIONS - 1,
            consistency: Consistency::Strong,
            select: Select::Keys,
        };
        let page = table.query(&query).await?;
        let delete = |key| Operation::Delete { key, condition: Condition::Any };
        let mut operations: Vec<_> = page.items.into_iter().map(|item| delete(item.key)).collect();
        let more = page.next.is_some();
        if !more {
            operations.push(delete(Place::Backfill(id).key()));
        }
        write(table, id, operations).await?;
        Ok(more)
    }
}
