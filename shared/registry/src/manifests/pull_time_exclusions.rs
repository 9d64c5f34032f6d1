use std::sync::Arc;

use berth_types::PrincipalArn;
use serde::{Deserialize, Serialize};

use super::excluded::{Excluded, read_exclusions};
use crate::access::{Action, RegistryPermit};
use crate::contention::won;
use crate::document::{encode, put};
use crate::error::RegistryError;
use crate::layout::Place;
use crate::ports::{Clock, Condition, Operation, Timestamp, WriteTable};

/// The principals whose pulls are not recorded.
#[derive(Clone, Debug)]
pub struct PullTimeExclusions {
    pub(crate) table: Arc<dyn WriteTable>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) excluded: Arc<Excluded>,
    /// How many principals the registry excludes at most.
    pub(crate) most: usize,
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
        let most = self.most;
        let page = self.read(None, most).await?;
        if page.principals.contains(principal) {
            return Err(RegistryError::ExclusionExists(principal.clone()));
        }
        if page.principals.len() >= most {
            return Err(RegistryError::TooManyExclusions { most });
        }
        let now = self.clock.now();
        let document = encode(&Exclusion { created_at: now })?;
        let key = Place::PullTimeExclusion(principal).key();
        let operation = put(key, document, now.millis(), Condition::Absent);
        let done = won(self.table.transact(vec![operation]).await)?;
        self.excluded.forget();
        match done {
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
        let done = won(self.table.transact(vec![operation]).await)?;
        self.excluded.forget();
        match done {
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
        let after = after.map(ToString::to_string);
        let (principals, next) = read_exclusions(self.table.as_ref(), after, limit).await?;
        let next = principals.last().cloned().filter(|_| next.is_some());
        Ok(PrincipalPage { principals, next })
    }
}
