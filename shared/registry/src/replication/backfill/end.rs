use super::page::Page;
use super::record::{BackfillRecord, BackfillState, Ending};
use super::start::ReadUnended;
use super::{BackfillId, BackfillJob, Read, damaged, read, write};
use crate::contention::{Attempts, won};
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{BACKFILLS, Place, backfill_pages};
use crate::ports::{
    Condition, Consistency, MOST_OPERATIONS, Operation, Query, Select, Timestamp, WriteTable,
};
use crate::replication::ReplicateWorker;

/// How many backfills are looked at to find the old ones, which come first.
const LOOKED_AT: usize = 25;

impl ReplicateWorker {
    /// Ends a backfill, if nobody changed its record meanwhile.
    pub(super) async fn end(&self, found: &Read, ending: Ending) -> Result<(), RegistryError> {
        let table = self.ports.table.as_ref();
        // If it lost, the record is read again, and judged again.
        if end(table, found, ending, self.ports.clock.now()).await?.is_none() {
            Attempts::at(&found.id).next().await?;
        }
        Ok(())
    }

    /// Ends a backfill whose job is about to be set aside: otherwise no other could begin.
    pub(in crate::replication) async fn give_up_backfill(
        &self,
        job: &BackfillJob,
    ) -> Result<(), RegistryError> {
        let table = self.ports.table.as_ref();
        let mut attempts = Attempts::at(&job.backfill);
        while let Some(found) = read(table, job.backfill).await? {
            let ending = match found.record.state {
                BackfillState::Preparing { .. } | BackfillState::InProgress { .. } => {
                    Ending::GivenUp
                }
                BackfillState::Stopping { .. } => Ending::Stopped,
                BackfillState::Ended { .. } => return Ok(()),
            };
            if end(table, &found, ending, self.ports.clock.now()).await?.is_some() {
                return Ok(());
            }
            attempts.next().await?;
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
        let clock = &self.ports.clock;
        for item in &page.items {
            let record: BackfillRecord = decode(item)?;
            if record.is_old(clock.now()) {
                let id: BackfillId = item.key.sort.parse().map_err(damaged)?;
                while clock.now() < until && self.delete_pages(id).await? {}
            }
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

/// Ends a backfill, with what was done of the page that it was at, and returns its record; `None`
/// if it changed since it was read.
pub(super) async fn end(
    table: &dyn WriteTable,
    found: &Read,
    ending: Ending,
    at: Timestamp,
) -> Result<Option<BackfillRecord>, RegistryError> {
    let mut record = found.record.clone();
    let mut prepared = true;
    match record.state {
        BackfillState::InProgress { page } | BackfillState::Stopping { page } => {
            if let Some((page, _)) = Page::read(table, found.id, page).await? {
                record.count(&page);
            }
        }
        BackfillState::Preparing { .. } => prepared = false,
        BackfillState::Ended { .. } => {}
    }
    record.state = BackfillState::Ended { at, ending, prepared };
    let operations =
        vec![found.replace(&record)?, ReadUnended::read(table).await?.without(found.id)?];
    Ok(won(table.transact(operations).await)?.then_some(record))
}
