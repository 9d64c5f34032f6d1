use serde::{Deserialize, Serialize};

use super::record::{BackfillState, Ending};
use super::{BackfillId, read};
use crate::jobs::{Job, WorkError};
use crate::ports::Timestamp;
use crate::replication::ReplicateWorker;

/// Carries out a backfill. Its fields are the message that says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackfillJob {
    /// Which one.
    pub backfill: BackfillId,
}

/// What comes after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The next step.
    Step,
    /// The job comes again before the next step, as one that was never tried.
    Again,
}

impl ReplicateWorker {
    /// Carries out a backfill step by step; what is not done by `until` is left to a job that
    /// goes on there.
    pub(in crate::replication) async fn backfill(
        &self,
        job: BackfillJob,
        until: Timestamp,
    ) -> Result<Vec<Job>, WorkError> {
        loop {
            let table = self.ports.table.as_ref();
            let Some(found) = read(table, job.backfill).await? else { return Ok(Vec::new()) };
            let next = match found.record.state.clone() {
                BackfillState::Ended { .. } => {
                    self.forget_old(until).await?;
                    return Ok(Vec::new());
                }
                _ if self.ports.clock.now() >= until => Next::Again,
                BackfillState::Preparing { to } => self.prepare(&found, to).await?,
                BackfillState::InProgress { page } if page >= found.record.pages => {
                    let ending = match found.record.progress.failed {
                        0 => Ending::Complete,
                        _ => Ending::SomeFailed,
                    };
                    self.end(&found, ending).await?;
                    Next::Step
                }
                BackfillState::InProgress { .. } if found.record.mostly_failed() => {
                    self.end(&found, Ending::MostFailed).await?;
                    Next::Step
                }
                BackfillState::InProgress { page } => self.fill(&found, page, until).await?,
                BackfillState::Stopping { .. } => {
                    self.end(&found, Ending::Stopped).await?;
                    Next::Step
                }
            };
            if next == Next::Again {
                return Ok(vec![Job::ReplicationBackfill(job)]);
            }
        }
    }
}
