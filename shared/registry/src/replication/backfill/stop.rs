use super::record::{BackfillRecord, BackfillState, Ending};
use super::start::ReadUnended;
use super::{Backfill, BackfillError, BackfillId, Backfills, read};
use crate::access::{Action, RegistryPermit};
use crate::contention::{Attempts, won};
use crate::error::RegistryError;

impl Backfills {
    /// Stops a backfill: at once if it replicates nothing yet, or else when what is under way
    /// ended. What was replicated stays where it is.
    ///
    /// # Errors
    ///
    /// [`BackfillError::Unknown`], [`BackfillError::Ended`].
    pub async fn stop(
        &self,
        permit: RegistryPermit,
        id: BackfillId,
    ) -> Result<Backfill, RegistryError> {
        permit.must_be(Action::StopReplicationBackfill);
        let table = self.table.as_ref();
        let mut attempts = Attempts::at(&id);
        loop {
            let found = read(table, id).await?.ok_or(BackfillError::Unknown(id))?;
            let now = self.clock.now();
            let mut record: BackfillRecord = found.record.clone();
            let mut operations = Vec::new();
            match record.state {
                BackfillState::Preparing { .. } => {
                    let (ending, prepared) = (Ending::Stopped, false);
                    record.state = BackfillState::Ended { at: now, ending, prepared };
                    operations.push(ReadUnended::read(table).await?.without(id)?);
                }
                BackfillState::InProgress { page } => {
                    // Its job sees that, and ends it.
                    record.state = BackfillState::Stopping { page };
                }
                BackfillState::Stopping { .. } | BackfillState::Ended { .. } => {
                    return Err(match record.is_old(now) {
                        true => BackfillError::Unknown(id),
                        false => BackfillError::Ended(id),
                    }
                    .into());
                }
            }
            operations.push(found.replace(&record)?);
            if won(table.transact(operations).await)? {
                return Ok(Backfill::of(id, record));
            }
            attempts.next().await?;
        }
    }
}
