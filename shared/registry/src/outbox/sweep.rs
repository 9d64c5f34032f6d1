use std::time::Duration;

use super::dispatch::{PAGE, Tally};
use super::{Dispatch, Event, EventId};
use crate::error::RegistryError;
use crate::layout::{OUTBOX_SHARDS, outbox};
use crate::ports::{Consistency, Query, Select, Timestamp};

/// How long an event may lie before it counts as left by whoever was told of it.
const LEFT: Duration = Duration::from_mins(5);

impl Dispatch {
    /// Dispatches the events that are left at the moment `now`: those that happened five minutes ago
    /// or earlier. Younger ones may be somebody's work.
    pub async fn sweep_left(&self, now: Timestamp) -> Result<usize, RegistryError> {
        let left = u64::try_from(LEFT.as_millis()).unwrap_or(u64::MAX);
        self.sweep(Timestamp::from_millis(now.millis().saturating_sub(left))).await
    }

    /// Dispatches all events that happened before `moment`, the oldest of each shard first, and
    /// returns how many there were. One that can't be read is left where it is, and logged.
    ///
    /// Costs one read for each of the shards, if there are none.
    ///
    /// # Errors
    ///
    /// As those of [`dispatch`](Self::dispatch).
    pub async fn sweep(&self, moment: Timestamp) -> Result<usize, RegistryError> {
        let mut tally = Tally::default();
        for shard in 0..OUTBOX_SHARDS {
            self.sweep_shard(shard, moment, &mut tally).await?;
        }
        tally.result()
    }

    async fn sweep_shard(
        &self,
        shard: u8,
        moment: Timestamp,
        tally: &mut Tally,
    ) -> Result<(), RegistryError> {
        let mut after = None;
        loop {
            let query = Query {
                partition: outbox(shard),
                prefix: String::new(),
                after,
                limit: PAGE,
                consistency: Consistency::Strong,
                select: Select::Items,
            };
            let mut page = self.table.query(&query).await?;
            let found = page.items.len();
            page.items.retain(|item| EventId::of(&item.key).is_none_or(|id| id.at < moment));
            let is_last = page.items.len() < found || page.next.is_none();
            let events: Vec<_> = page.items.iter().filter_map(Event::read).collect();
            self.carry_out(&events, tally).await?;
            if is_last {
                return Ok(());
            }
            after = page.next;
        }
    }
}
