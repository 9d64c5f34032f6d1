use serde::{Deserialize, Serialize};

use super::record::{BackfillProgress, BackfillRecord, BackfillState};
use super::{Backfill, BackfillError, BackfillId, BackfillJob, Backfills};
use crate::access::{Action, RegistryPermit};
use crate::contention::{Attempts, won};
use crate::document::{decode, encode, put};
use crate::error::RegistryError;
use crate::jobs::Job;
use crate::layout::Place;
use crate::outbox::{Change, Event};
use crate::ports::{Condition, Consistency, Operation, ReadTable, StoreError};
use crate::registry::Identity;
use crate::replication::ReplicationRules;
use crate::settings::ReplicationDestination;

/// The most backfills that are in progress at once: ECR's quota.
const MOST_AT_ONCE: usize = 10;

/// Document that lists the backfills that did not end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Unended {
    list: Vec<UnendedBackfill>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct UnendedBackfill {
    id: BackfillId,
    destination: ReplicationDestination,
}

/// The list as it was read, and what must hold for another to take its place.
pub(super) struct ReadUnended {
    unended: Unended,
    condition: Condition,
}

impl ReadUnended {
    pub(super) async fn read(table: &dyn ReadTable) -> Result<Self, StoreError> {
        let item = table.get(&Place::UnendedBackfills.key(), Consistency::Strong).await?;
        let unended = item.as_ref().map(decode).transpose()?.unwrap_or_default();
        let condition = item.map_or(Condition::Absent, |item| Condition::Version(item.version));
        Ok(Self { unended, condition })
    }

    /// Returns the operation that takes a backfill off the list.
    pub(super) fn without(mut self, id: BackfillId) -> Result<Operation, StoreError> {
        self.unended.list.retain(|unended| unended.id != id);
        self.replace()
    }

    fn with(
        mut self,
        id: BackfillId,
        destination: &ReplicationDestination,
    ) -> Result<Operation, RegistryError> {
        let list = &mut self.unended.list;
        if list.iter().any(|unended| unended.destination.region == destination.region) {
            return Err(BackfillError::InProgress(destination.clone()).into());
        }
        if list.len() >= MOST_AT_ONCE {
            return Err(BackfillError::TooMany(list.len()).into());
        }
        list.push(UnendedBackfill { id, destination: destination.clone() });
        Ok(self.replace()?)
    }

    fn replace(self) -> Result<Operation, StoreError> {
        Ok(put(Place::UnendedBackfills.key(), encode(&self.unended)?, 1, self.condition))
    }
}

impl Backfills {
    /// Begins a backfill from the registry `identity` to a destination of its rules.
    ///
    /// # Errors
    ///
    /// [`BackfillError::NoRule`], [`BackfillError::InProgress`], [`BackfillError::TooMany`].
    pub async fn start(
        &self,
        permit: RegistryPermit,
        identity: &Identity,
        destination: ReplicationDestination,
    ) -> Result<Backfill, RegistryError> {
        permit.must_be(Action::StartReplicationBackfill);
        let table = self.table.as_ref();
        let rules = ReplicationRules::read(table, identity).await?;
        if !rules.name(&destination) {
            return Err(BackfillError::NoRule(destination).into());
        }
        let mut attempts = Attempts::at(&destination.region);
        loop {
            let now = self.clock.now();
            let id = BackfillId::new(now);
            let record = BackfillRecord {
                destination: destination.clone(),
                started_at: now,
                state: BackfillState::Preparing { to: None },
                pages: 0,
                progress: BackfillProgress::default(),
            };
            let job = Job::ReplicationBackfill(BackfillJob { backfill: id });
            let operations = vec![
                put(Place::Backfill(id).key(), encode(&record)?, 1, Condition::Absent),
                ReadUnended::read(table).await?.with(id, &destination)?,
                Event::new(Change::Asked { job }, now).operation()?,
            ];
            if won(table.transact(operations).await)? {
                return Ok(Backfill::of(id, record));
            }
            attempts.next().await?;
        }
    }
}
