//! Backfills: what stood in a registry before a rule sent it elsewhere goes there as well.
//!
//! A backfill is of one destination. It is begun, carried out by a job that comes again until the
//! end, and read when it ended. The job first writes down in pages what there is to replicate, and
//! then does it page by page; how far it is stands in the backfill's record, which each step
//! changes on condition of its version. So a job that comes twice, or is cut off, does nothing twice
//! but look, and stopping a backfill is one change of its record.
//!
//! Follows [Replication backfill](https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication-backfill.html).

mod end;
mod error;
mod fill;
mod page;
mod prepare;
mod record;
mod run;
mod show;
mod start;
mod stop;

use std::sync::Arc;

pub use error::BackfillError;
pub use page::{BackfillResult, BackfilledImage};
pub use record::{BackfillId, BackfillProgress, BackfillStatus};
pub use run::BackfillJob;
pub use show::{Backfill, BackfillPage, BackfillResults, ResultPlace, WhichResults};

use crate::contention::{Attempts, won};
use crate::document::{decode, encode, put};
use crate::error::RegistryError;
use crate::layout::Place;
use crate::ports::{
    Clock, Condition, Consistency, Operation, ReadTable, StoreError, StoreErrorKind, WriteTable,
};

use self::record::BackfillRecord;

/// The use cases of backfills.
#[derive(Clone, Debug)]
pub struct Backfills {
    pub(crate) table: Arc<dyn WriteTable>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// A backfill's record as it was read.
#[derive(Clone, Debug)]
struct Read {
    id: BackfillId,
    record: BackfillRecord,
    version: u64,
}

impl Read {
    /// Returns the operation that writes another record, if nobody changed it since.
    fn replace(&self, record: &BackfillRecord) -> Result<Operation, StoreError> {
        let key = Place::Backfill(self.id).key();
        Ok(put(key, encode(record)?, 1, Condition::Version(self.version)))
    }
}

/// Reads a backfill's record.
async fn read(table: &dyn ReadTable, id: BackfillId) -> Result<Option<Read>, StoreError> {
    let item = table.get(&Place::Backfill(id).key(), Consistency::Strong).await?;
    let read = |item| Ok(Read { id, record: decode(&item)?, version: item.version });
    item.map(read).transpose()
}

/// Says that what lies in the table was not written by this registry.
fn damaged(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::new(StoreErrorKind::Damaged, error)
}

/// Carries out operations without conditions.
async fn write(
    table: &dyn WriteTable,
    id: BackfillId,
    operations: Vec<Operation>,
) -> Result<(), RegistryError> {
    let mut attempts = Attempts::at(&id);
    while !won(table.transact(operations.clone()).await)? {
        attempts.next().await?;
    }
    Ok(())
}
