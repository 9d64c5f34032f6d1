use super::end::end;
use super::record::{BackfillRecord, BackfillState, Ending};
use super::{Backfill, BackfillError, BackfillId, Backfills, read};
use crate::access::{Action, RegistryPermit};
use crate::contention::{Attempts, won};
use crate::error::RegistryError;

impl Backfills {
    /// Stops a backfill: at once if it replicates nothing yet, or else when what is under way
    /// ended; but who asks again does not wait for that. What was replicated stays where it is.
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
            let stopped = match found.record.state {
                BackfillState::InProgress { page } => {
                    // Its job sees that, and ends it.
                    let state = BackfillState::Stopping { page };
                    let record = BackfillRecord { state, ..found.record.clone() };
                    let operations = vec![found.replace(&record)?];
                    won(table.transact(operations).await)?.then_some(record)
                }
                // Its job may be one that was set aside.
                BackfillState::Preparing { .. } | BackfillState::Stopping { .. } => {
                    end(table, &found, Ending::Stopped, now).await?
                }
                BackfillState::Ended { .. } => {
                    return Err(match found.record.is_old(now) {
                        true => BackfillError::Unknown(id),
                        false => BackfillError::Ended(id),
                    }
                    .into());
                }
            };
            if let Some(record) = stopped {
                return Ok(Backfill::of(id, record));
            }
            attempts.next().await?;
        }
    }
}
