use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::SessionError;
use crate::contention::won;
use crate::document::put;
use crate::layout::{PROOFS, Place, proof};
use crate::ports::{
    Clock, Condition, Consistency, Operation, Query, Select, StoreError, Timestamp, WriteTable,
};

/// How long after it was signed a proof is remembered; it is refused as too old before.
const REMEMBERED: Duration = Duration::from_mins(15);

/// How many proofs are forgotten at a time. More than come at a time, so that none pile up.
const FORGOTTEN: usize = 10;

/// The proofs that were used, so that none is used twice. They lie in the order of their time, and
/// whoever uses one forgets a few that are too old to be used again.
#[derive(Clone, Debug)]
pub(super) struct Proofs {
    table: Arc<dyn WriteTable>,
    clock: Arc<dyn Clock>,
}

impl Proofs {
    pub(super) fn new(table: Arc<dyn WriteTable>, clock: Arc<dyn Clock>) -> Self {
        Self { table, clock }
    }

    /// Refuses a proof that was used, before anyone is asked about it.
    pub(super) async fn must_be_unused(
        &self,
        signed_at: Timestamp,
        signature: &str,
    ) -> Result<(), SessionError> {
        let key = Place::Proof { signed_at, signature }.key();
        match self.table.get(&key, Consistency::Strong).await? {
            None => Ok(()),
            Some(_) => Err(SessionError::Replayed),
        }
    }

    /// Uses a proof up; of those who try at a time, one does.
    pub(super) async fn use_up(
        &self,
        signed_at: Timestamp,
        signature: &str,
    ) -> Result<(), SessionError> {
        let key = Place::Proof { signed_at, signature }.key();
        let first_version = self.clock.now().millis();
        let operation = put(key, Bytes::new(), first_version, Condition::Absent);
        if !won(self.table.transact(vec![operation]).await)? {
            return Err(SessionError::Replayed);
        }
        if let Err(error) = self.forget().await {
            // Whoever comes next tries again.
            tracing::warn!(%error, "old proofs can't be forgotten");
        }
        Ok(())
    }

    /// Forgets some of the oldest proofs, if they are too old to be used.
    async fn forget(&self) -> Result<(), StoreError> {
        let query = Query {
            partition: PROOFS.to_owned(),
            prefix: String::new(),
            after: None,
            limit: FORGOTTEN,
            consistency: Consistency::Eventual,
            select: Select::Keys,
        };
        let page = self.table.query(&query).await?;
        let millis = u64::try_from(REMEMBERED.as_millis()).unwrap_or(u64::MAX);
        let oldest = Timestamp::from_millis(self.clock.now().millis().saturating_sub(millis));
        let oldest = proof(oldest, "");
        let old = page.items.into_iter().filter(|item| item.key.sort < oldest);
        let operations: Vec<_> = old
            .map(|item| Operation::Delete { key: item.key, condition: Condition::Any })
            .collect();
        if !operations.is_empty() {
            // Another may forget the same ones at this moment.
            won(self.table.transact(operations).await)?;
        }
        Ok(())
    }
}
