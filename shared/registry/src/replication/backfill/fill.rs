use std::collections::BTreeSet;

use futures_util::{FutureExt as _, StreamExt as _, stream};

use super::page::{Page, Unit, UnitOutcome};
use super::record::{BackfillRecord, BackfillState};
use super::run::Next;
use super::{Read, damaged, read, write};
use crate::contention::{Attempts, won};
use crate::error::RegistryError;
use crate::jobs::{Job, MOST_ATTEMPTS};
use crate::outbox::{Change, Event};
use crate::ports::{Condition, MOST_OPERATIONS, StoreError, Timestamp};
use crate::replication::{ImageToReplicate, ReplicateWorker, ReplicationOutcome};
use crate::settings::ReplicationDestination;

/// How many replications run at once.
const AT_ONCE: usize = 4;

/// How many replications run before it is looked whether the backfill was stopped.
const BETWEEN_LOOKS: usize = 20;

/// How many replications are done before it is judged whether most of them failed.
const JUDGED: u64 = 100;

impl BackfillRecord {
    /// Whether so many replications failed that the others need not be tried.
    pub(super) fn mostly_failed(&self) -> bool {
        let done = self.progress.completed + self.progress.failed;
        done >= JUDGED && self.progress.failed * 2 >= done
    }

    /// Counts what became of a page's replications.
    pub(super) fn count(&mut self, page: &Page) {
        for unit in &page.units {
            match &unit.outcome {
                Some(UnitOutcome::Complete) => self.progress.completed += 1,
                Some(UnitOutcome::Failed { code, of_children }) => {
                    self.progress.failed += 1;
                    self.progress.failure_codes.insert(code.clone());
                    self.progress.failure_codes.extend(of_children.iter().cloned());
                }
                Some(UnitOutcome::Gone) => self.progress.total -= 1,
                None => {}
            }
        }
    }
}

impl ReplicateWorker {
    /// Replicates what a page says.
    ///
    /// # Errors
    ///
    /// What may pass when it is tried again; at the last attempt it fails the replications that it
    /// befell.
    pub(super) async fn fill(
        &self,
        found: &Read,
        number: u32,
        until: Timestamp,
    ) -> Result<Next, RegistryError> {
        let table = self.ports.table.as_ref();
        let Some((mut page, version)) = Page::read(table, found.id, number).await? else {
            let missing = damaged("a page of a backfill is missing");
            return Err(missing.into());
        };
        let was_tried = page.failed_attempts > 0;
        let is_last = page.failed_attempts + 1 >= MOST_ATTEMPTS;
        let mut error = None;
        let mut is_whole = true;
        let mut following = Vec::new();
        for units in page.units.chunks_mut(BETWEEN_LOOKS) {
            if self.ports.clock.now() >= until || !self.goes_on(found).await? {
                is_whole = false;
                break;
            }
            let destination = &found.record.destination;
            let undone = units.iter_mut().filter(|unit| unit.outcome.is_none());
            let fill = |unit| self.fill_unit(unit, destination, is_last, until).boxed();
            let filling: Vec<_> = undone.map(fill).collect();
            let done: Vec<_> = stream::iter(filling).buffer_unordered(AT_ONCE).collect().await;
            for done in done {
                match done {
                    Ok(jobs) => following.extend(jobs),
                    Err(failed) => error = Some(failed),
                }
            }
            if error.is_some() {
                break;
            }
        }
        is_whole &= page.units.iter().all(|unit| unit.outcome.is_some());
        page.failed_attempts += u32::from(error.is_some());
        self.ask_for(found, following).await?;
        self.save(found, number, page, version, is_whole).await?;
        match error {
            Some(error) => Err(error),
            None if was_tried => Ok(Next::Again),
            None => Ok(Next::Step),
        }
    }

    /// Whether nobody stopped the backfill.
    async fn goes_on(&self, found: &Read) -> Result<bool, StoreError> {
        let now = read(self.ports.table.as_ref(), found.id).await?;
        Ok(now.is_some_and(|now| matches!(now.record.state, BackfillState::InProgress { .. })))
    }

    /// Does one replication, and takes note of what became of it.
    async fn fill_unit(
        &self,
        unit: &mut Unit,
        destination: &ReplicationDestination,
        is_last: bool,
        until: Timestamp,
    ) -> Result<Vec<Job>, RegistryError> {
        let image = ImageToReplicate {
            repository: unit.repository.clone(),
            repository_id: unit.repository_id.clone(),
            digest: unit.digest.clone(),
            tags: unit.tag.iter().cloned().collect(),
        };
        let (outcome, following) = match self.bring(&image, destination, until).await {
            Ok(brought) => brought,
            Err(error) if is_last => {
                let (repository, digest) = (&unit.repository, &unit.digest);
                tracing::warn!(%repository, %digest, %error, "not backfilled");
                let keeper = self.keeper(&unit.repository_id, digest, destination);
                let code = self.unavailable(keeper, &error).await?.code;
                unit.outcome = Some(UnitOutcome::Failed { code, of_children: BTreeSet::new() });
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        unit.outcome = match outcome {
            ReplicationOutcome::Complete => Some(UnitOutcome::Complete),
            ReplicationOutcome::Failed { failure, of_children } => Some(UnitOutcome::Failed {
                code: failure.code,
                of_children: of_children.into_iter().map(|failure| failure.code).collect(),
            }),
            ReplicationOutcome::Gone => Some(UnitOutcome::Gone),
            ReplicationOutcome::CutOff => None,
        };
        Ok(following)
    }

    /// Asks for the jobs that follow, before what they follow from counts as done.
    async fn ask_for(&self, found: &Read, jobs: Vec<Job>) -> Result<(), RegistryError> {
        let now = self.ports.clock.now();
        let ask = |job: &Job| Event::new(Change::Asked { job: job.clone() }, now).operation();
        for jobs in jobs.chunks(MOST_OPERATIONS) {
            let operations = jobs.iter().map(ask).collect::<Result<_, _>>()?;
            write(self.ports.table.as_ref(), found.id, operations).await?;
        }
        Ok(())
    }

    /// Writes down what became of a page's replications, unless another job did before. A page
    /// that is whole is counted; another one is when it is whole, or the backfill ends.
    async fn save(
        &self,
        found: &Read,
        number: u32,
        page: Page,
        version: u64,
        is_whole: bool,
    ) -> Result<(), RegistryError> {
        let table = self.ports.table.as_ref();
        let mut attempts = Attempts::at(&found.id);
        loop {
            let Some(now) = read(table, found.id).await? else { return Ok(()) };
            let mut record = now.record.clone();
            match &mut record.state {
                BackfillState::InProgress { page: next } if *next == number && is_whole => {
                    *next += 1;
                    record.count(&page);
                }
                BackfillState::InProgress { page: next }
                | BackfillState::Stopping { page: next }
                    if *next == number => {}
                _ => return Ok(()),
            }
            let condition = Condition::Version(version);
            let operations =
                vec![page.operation(found.id, number, condition)?, now.replace(&record)?];
            if won(table.transact(operations).await)? {
                return Ok(());
            }
            let unchanged = Page::read(table, found.id, number).await?;
            if unchanged.is_none_or(|(_, now)| now != version) {
                return Ok(());
            }
            attempts.next().await?;
        }
    }
}
