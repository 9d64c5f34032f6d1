//! Which principals' pulls are not recorded, remembered for a while.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use berth_policy::AwsPrincipal;
use berth_types::PrincipalArn;

use crate::access::Principal;
use crate::layout::PULL_TIME_EXCLUSIONS;
use crate::ports::{
    Clock, Consistency, Query, ReadTable, Select, StoreError, StoreErrorKind, Timestamp,
};

/// How long a list is believed.
const BELIEVED: Duration = Duration::from_mins(1);

/// How many principals are read at once.
const AT_ONCE: usize = 1000;

/// The list of excluded principals, which a process reads at most once a minute.
#[derive(Debug)]
pub(crate) struct Excluded {
    table: Arc<dyn ReadTable>,
    clock: Arc<dyn Clock>,
    remembered: Mutex<Option<(Arc<[AwsPrincipal]>, Timestamp)>>,
}

impl Excluded {
    pub(crate) fn new(table: Arc<dyn ReadTable>, clock: Arc<dyn Clock>) -> Self {
        Self { table, clock, remembered: Mutex::default() }
    }

    /// Whether the principal, or the role or user that it is a session of, is excluded.
    pub(super) async fn has(&self, principal: &Principal) -> Result<bool, StoreError> {
        if *principal == Principal::Root {
            return Ok(false);
        }
        let excluded = self.list().await?;
        Ok(excluded.iter().any(|excluded| principal.is_or_belongs_to(excluded)))
    }

    /// Forgets the list, which this process changed.
    pub(super) fn forget(&self) {
        *self.remembered.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    async fn list(&self) -> Result<Arc<[AwsPrincipal]>, StoreError> {
        let now = self.clock.now();
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((excluded, _)) = remembered.filter(|(_, seen)| now < seen.plus(BELIEVED)) {
            return Ok(excluded);
        }
        let (mut excluded, mut after) = (Vec::new(), None);
        loop {
            let (arns, next) = read_exclusions(self.table.as_ref(), after, AT_ONCE).await?;
            for arn in arns {
                let principal = arn.as_str().parse();
                excluded.push(principal.map_err(damaged)?);
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
        let excluded: Arc<[AwsPrincipal]> = excluded.into();
        *self.remembered.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((excluded.clone(), now));
        Ok(excluded)
    }
}

/// Reads at most `limit` exclusions after `after`, and where to go on.
pub(super) async fn read_exclusions(
    table: &dyn ReadTable,
    after: Option<String>,
    limit: usize,
) -> Result<(Vec<PrincipalArn>, Option<String>), StoreError> {
    let query = Query {
        partition: PULL_TIME_EXCLUSIONS.to_owned(),
        prefix: String::new(),
        after,
        limit,
        consistency: Consistency::Strong,
        select: Select::Keys,
    };
    let page = table.query(&query).await?;
    let arns: Result<Vec<PrincipalArn>, _> =
        page.items.iter().map(|item| item.key.sort.parse()).collect();
    Ok((arns.map_err(damaged)?, page.next))
}

fn damaged(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::new(StoreErrorKind::Damaged, error)
}
