use std::collections::HashSet;
use std::slice;
use std::sync::Arc;

use futures_util::future::try_join_all;

use super::{Event, EventId};
use crate::contention::Attempts;
use crate::error::RegistryError;
use crate::figures;
use crate::jobs::JobQueues;
use crate::layout::Place;
use crate::lifecycle::jobs_for_referrers;
use crate::ports::{
    Condition, Consistency, Operation, PublishEvents, StoreErrorKind, TransactError, WriteTable,
};
use crate::registry::Identity;
use crate::replication::ReplicationRules;

/// The most events that one transaction counts and deletes. Each may change several counters, and
/// the transaction has room for a hundred operations.
const GROUP: usize = 20;

/// The most events that are read at once.
pub(super) const PAGE: usize = 100;

/// Reads the outbox: tells of each event, queues the jobs that follow from it, and then counts and
/// deletes it in one transaction.
///
/// Whoever is cut off before that transaction has told of the event, and queued its jobs, and will
/// do so again; what it counts is counted once. Any number of them may work on the same events.
#[derive(Clone, Debug)]
pub struct Dispatch {
    pub(super) table: Arc<dyn WriteTable>,
    events: Arc<dyn PublishEvents>,
    jobs: JobQueues,
    registry: Identity,
}

/// What a dispatch came to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    dispatched: usize,
    /// Why the first of the events that are left was not dispatched.
    failed: Option<RegistryError>,
}

impl Dispatch {
    /// Makes what dispatches the outbox in `table`, which is that of `registry`.
    #[must_use]
    pub fn new(
        table: Arc<dyn WriteTable>,
        events: Arc<dyn PublishEvents>,
        jobs: JobQueues,
        registry: Identity,
    ) -> Self {
        Self { table, events, jobs, registry }
    }

    /// Dispatches events, as far as they are in the outbox, and returns how many there were. One
    /// that can't be read is left where it is, and logged.
    ///
    /// # Errors
    ///
    /// One that can't be dispatched is left and logged as well, and keeps no other waiting: the first
    /// such failure is returned when the others are dispatched. A store that is unavailable ends the
    /// work at once.
    pub async fn dispatch(&self, ids: &[EventId]) -> Result<usize, RegistryError> {
        let mut tally = Tally::default();
        for ids in ids.chunks(PAGE) {
            let distinct: HashSet<_> = ids.iter().copied().collect();
            let ids: Vec<_> = distinct.into_iter().collect();
            let keys: Vec<_> = ids.iter().map(|id| Place::Event(*id).key()).collect();
            let items = self.table.batch_get(&keys, Consistency::Strong).await?;
            let items = items.into_iter().flatten();
            let mut events: Vec<_> = items.filter_map(|item| Event::read(&item)).collect();
            events.sort_by_key(|event| event.id);
            self.carry_out(&events, &mut tally).await?;
        }
        tally.result()
    }

    /// Carries out what follows from events, and deletes them. What fails together is tried one by
    /// one, so that an event that can't be dispatched is left alone.
    pub(super) async fn carry_out(
        &self,
        events: &[Event],
        tally: &mut Tally,
    ) -> Result<(), RegistryError> {
        // They are read after the events happened, and hold for these.
        let rules = match events.iter().any(Event::is_replicable) {
            true => Some(ReplicationRules::read(self.table.as_ref(), &self.registry).await?),
            false => None,
        };
        for group in events.chunks(GROUP) {
            match self.carry_out_together(group, rules.as_ref()).await {
                Ok(()) => tally.dispatched += group.len(),
                Err(error) if is_passing(&error) => return Err(error),
                Err(_) => self.carry_out_each(group, rules.as_ref(), tally).await?,
            }
        }
        Ok(())
    }

    async fn carry_out_each(
        &self,
        events: &[Event],
        rules: Option<&ReplicationRules>,
        tally: &mut Tally,
    ) -> Result<(), RegistryError> {
        for event in events {
            match self.carry_out_together(slice::from_ref(event), rules).await {
                Ok(()) => tally.dispatched += 1,
                Err(error) if is_passing(&error) => return Err(error),
                Err(error) => {
                    let key = Place::Event(event.id).key();
                    tracing::error!(?key, %error, "an event can't be dispatched");
                    tally.failed.get_or_insert(error);
                }
            }
        }
        Ok(())
    }

    async fn carry_out_together(
        &self,
        events: &[Event],
        rules: Option<&ReplicationRules>,
    ) -> Result<(), RegistryError> {
        let told: Vec<_> =
            events.iter().flat_map(|event| event.announcements(&self.registry)).collect();
        let mut jobs: Vec<_> = events.iter().flat_map(|event| event.consequences(rules)).collect();
        let followed =
            events.iter().map(|event| jobs_for_referrers(self.table.as_ref(), &event.change));
        jobs.extend(try_join_all(followed).await?.into_iter().flatten());
        if !told.is_empty() {
            self.events.publish(&told).await?;
        }
        self.jobs.send(&jobs).await?;
        self.count(events).await
    }

    /// Counts events and deletes them, each once, whoever else does so at the same time.
    async fn count(&self, events: &[Event]) -> Result<(), RegistryError> {
        let mut attempts = Attempts::at(&"the outbox");
        let mut left: Vec<&Event> = events.iter().collect();
        while !left.is_empty() {
            let changes: Vec<_> = left.iter().map(|event| &event.change).collect();
            let mut operations = deletions(&left);
            operations.extend(figures::operations(self.table.as_ref(), &changes).await?);
            match self.table.transact(operations).await {
                Ok(()) => return Ok(()),
                Err(TransactError::Conditions(positions)) => {
                    // Others dispatched these; or the figures changed meanwhile.
                    let gone: HashSet<_> = positions.into_iter().collect();
                    let mut position = 0..;
                    left.retain(|_| position.next().is_some_and(|it| !gone.contains(&it)));
                    attempts.next().await?;
                }
                Err(TransactError::Conflict) => attempts.next().await?,
                Err(TransactError::Store(error)) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl Tally {
    /// Returns how many events were dispatched, if none is left.
    pub(super) fn result(self) -> Result<usize, RegistryError> {
        self.failed.map_or(Ok(self.dispatched), Err)
    }
}

/// Whether what failed has nothing to do with the event that it failed on.
fn is_passing(error: &RegistryError) -> bool {
    matches!(error, RegistryError::Store(error) if error.kind() == StoreErrorKind::Unavailable)
}

fn deletions(events: &[&Event]) -> Vec<Operation> {
    let delete = |event: &&Event| Operation::Delete {
        key: Place::Event(event.id).key(),
        condition: Condition::Present,
    };
    events.iter().map(delete).collect()
}
