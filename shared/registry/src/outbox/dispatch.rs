use std::collections::HashSet;
use std::sync::Arc;

use super::{Event, EventId};
use crate::contention::Attempts;
use crate::error::RegistryError;
use crate::figures;
use crate::jobs::JobQueues;
use crate::layout::Place;
use crate::lifecycle::jobs_for_referrers;
use crate::ports::{Condition, Consistency, Operation, PublishEvents, TransactError, WriteTable};
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
    pub async fn dispatch(&self, ids: &[EventId]) -> Result<usize, RegistryError> {
        let mut dispatched = 0;
        for ids in ids.chunks(PAGE) {
            let distinct: HashSet<_> = ids.iter().copied().collect();
            let ids: Vec<_> = distinct.into_iter().collect();
            let keys: Vec<_> = ids.iter().map(|id| Place::Event(*id).key()).collect();
            let items = self.table.batch_get(&keys, Consistency::Strong).await?;
            let items = items.into_iter().flatten();
            let mut events: Vec<_> = items.filter_map(|item| Event::read(&item)).collect();
            events.sort_by_key(|event| event.id);
            dispatched += events.len();
            self.carry_out(&events).await?;
        }
        Ok(dispatched)
    }

    /// Carries out what follows from events, and deletes them.
    pub(super) async fn carry_out(&self, events: &[Event]) -> Result<(), RegistryError> {
        // They are read after the events happened, and hold for these.
        let rules = match events.iter().any(Event::is_replicable) {
            true => Some(ReplicationRules::read(self.table.as_ref(), &self.registry).await?),
            false => None,
        };
        for group in events.chunks(GROUP) {
            let told: Vec<_> =
                group.iter().flat_map(|event| event.announcements(&self.registry)).collect();
            let follow = |event: &Event| event.consequences(rules.as_ref());
            let mut jobs: Vec<_> = group.iter().flat_map(follow).collect();
            for event in group {
                jobs.extend(jobs_for_referrers(self.table.as_ref(), &event.change).await?);
            }
            if !told.is_empty() {
                self.events.publish(&told).await?;
            }
            self.jobs.send(&jobs).await?;
            self.count(group).await?;
        }
        Ok(())
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

fn deletions(events: &[&Event]) -> Vec<Operation> {
    let delete = |event: &&Event| Operation::Delete {
        key: Place::Event(event.id).key(),
        condition: Condition::Present,
    };
    events.iter().map(delete).collect()
}
