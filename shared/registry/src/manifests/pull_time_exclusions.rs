use std::sync::Arc;

use berth_types::PrincipalArn;
use serde::{Deserialize, Serialize};

use crate::access::{Action, RegistryPermit};
use crate::contention::won;
use crate::document::{encode, put};
use crate::error::RegistryError;
use crate::layout::{PULL_TIME_EXCLUSIONS, Place};
use crate::ports::{
    Clock, Condition, Consistency, Operation, Query, Select, StoreError, StoreErrorKind, Timestamp,
    WriteTable,
};

/// How many principals a registry excludes at most.
const MOST_EXCLUSIONS: usize = 100;

/// The principals whose pulls are not recorded.
#[derive(Clone, Debug)]
pub struct PullTimeExclusions {
    pub(crate) table: Arc<dyn WriteTable>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// A page of principals, in the order of their ARNs.
#[derive(Clone, Debug)]
pub struct PrincipalPage {
    /// The principals.
    pub principals: Vec<PrincipalArn>,
    /// ARN after which the next page begins; `None` at the end.
    pub next: Option<PrincipalArn>,
}

/// Document of an exclusion.
#[derive(Debug, Serialize, Deserialize)]
struct Exclusion {
    created_at: Timestamp,
}

impl PullTimeExclusions {
    /// Excludes a principal, and returns when that was.
    pub async fn register(
        &self,
        permit: RegistryPermit,
        principal: &PrincipalArn,
    ) -> Result<Timestamp, RegistryError> {
        permit.must_be(Action::RegisterPullTimeUpdateExclusion);
        let page = self.read(None, MOST_EXCLUSIONS).await?;
        if page.principals.contains(principal) {
            return Err(RegistryError::ExclusionExists(principal.clone()));
        }
        if page.principals.len() >= MOST_EXCLUSIONS {
            return Err(RegistryError::TooManyExclusions { most: MOST_EXCLUSIONS });
        }
        let now = self.clock.now();
        let document = encode(&Exclusion { created_at: now })?;
        let key = Place::PullTimeExclusion(principal).key();
        let operation = put(key, document, now.millis(), Condition::Absent);
        match won(self.table.transact(vec![operation]).await)? {
            true => Ok(now),
            false => Err(RegistryError::ExclusionExists(principal.clone())),
        }
    }

    /// Excludes a principal no more.
    pub async fn deregister(
        &self,
        permit: RegistryPermit,
        principal: &PrincipalArn,
    ) -> Result<(), RegistryError> {
        permit.must_be(Action::DeregisterPullTimeUpdateExclusion);
        let key = Place::PullTimeExclusion(principal).key();
        let operation = Operation::Delete { key, condition: Condition::Present };
        match won(self.table.transact(vec![operation]).await)? {
            true => Ok(()),
            false => Err(RegistryError::ExclusionUnknown(principal.clone())),
        }
    }

    /// Lists the principals that are excluded, after `after`, which need not be.
    pub async fn list(
        &self,
        permit: RegistryPermit,
        after: Option<&PrincipalArn>,
        limit: usize,
    ) -> Result<PrincipalPage, RegistryError> {
        permit.must_be(Action::ListPullTimeUpdateExclusions);
        self.read(after, limit).await
    }

    async fn read(
        &self,
        after: Option<&PrincipalArn>,
        limit: usize,
    ) -> Result<PrincipalPage, RegistryError> {
        let query = Query {
            partition: PULL_TIME_EXCLUSIONS.to_owned(),
            prefix: String::new(),
            after: after.map(ToString::to_string),
            limit,
            consistency: Consistency::Strong,
            select: Select::Keys,
        };
        let page = self.table.query(&query).await?;
        let mut principals = Vec::with_capacity(page.items.len());
        for item in page.items {
            let principal = item.key.sort.parse();
            let damaged = |error| StoreError::new(StoreErrorKind::Damaged, error);
            principals.push(principal.map_err(damaged)?);
        }
        let next = principals.last().cloned().filter(|_| page.next.is_some());
        Ok(PrincipalPage { principals, next })
    }
}
