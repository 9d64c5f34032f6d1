use serde::{Deserialize, Serialize};

use super::page::{BackfillResult, BackfilledImage, Page};
use super::record::{BackfillProgress, BackfillRecord, BackfillState, BackfillStatus};
use super::{BackfillError, BackfillId, Backfills, damaged, read};
use crate::access::{Action, RegistryPermit};
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{BACKFILLS, Place};
use crate::ports::{Consistency, Query, Select, Timestamp};
use crate::settings::ReplicationDestination;

/// How many pages of results are looked at for one answer, so that one of few results among many
/// ends.
const LOOKED_AT: u32 = 50;

/// A backfill, and how far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backfill {
    /// Names it.
    pub id: BackfillId,
    /// Registry that the images go to.
    pub destination: ReplicationDestination,
    /// How far it is.
    pub status: BackfillStatus,
    /// Why it failed, if it did.
    pub failure_code: Option<&'static str>,
    /// How much is done; `None` before it is known how much there is.
    pub progress: Option<BackfillProgress>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended, if it did.
    pub ended_at: Option<Timestamp>,
}

/// A page of a registry's backfills, the oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackfillPage {
    /// The backfills.
    pub backfills: Vec<Backfill>,
    /// The last of them, if more may follow.
    pub next: Option<BackfillId>,
}

/// A backfill with a page of its results: fewer than asked for, or none, though more may follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackfillResults {
    /// The backfill.
    pub backfill: Backfill,
    /// What became of images; nothing before the backfill ended.
    pub images: Vec<BackfilledImage>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<ResultPlace>,
}

/// Place among a backfill's results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultPlace {
    page: u32,
    unit: usize,
}

/// Which results are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichResults {
    /// All.
    All,
    /// Those of replications that succeeded.
    Complete,
    /// Those of replications that failed.
    Failed,
}

impl Backfill {
    pub(super) fn of(id: BackfillId, record: BackfillRecord) -> Self {
        Self {
            id,
            status: record.status(),
            failure_code: record.failure_code(),
            progress: record.shown_progress().cloned(),
            started_at: record.started_at,
            ended_at: record.ended_at(),
            destination: record.destination,
        }
    }
}

impl WhichResults {
    fn has(self, image: &BackfilledImage) -> bool {
        match self {
            Self::All => true,
            Self::Complete => image.result == BackfillResult::Complete,
            Self::Failed => image.result != BackfillResult::Complete,
        }
    }
}

impl Backfills {
    /// Lists the backfills that did not end more than 90 days ago: `limit` of them after `after`.
    pub async fn list(
        &self,
        permit: RegistryPermit,
        after: Option<BackfillId>,
        limit: usize,
    ) -> Result<BackfillPage, RegistryError> {
        permit.must_be(Action::ListReplicationBackfills);
        let now = self.clock.now();
        let mut backfills = Vec::new();
        let mut query = Query {
            partition: BACKFILLS.to_owned(),
            prefix: String::new(),
            after: after.map(|id| Place::Backfill(id).key().sort),
            limit,
            consistency: Consistency::Strong,
            select: Select::Items,
        };
        loop {
            let page = self.table.query(&query).await?;
            for item in &page.items {
                let id = item.key.sort.parse().map_err(damaged)?;
                let record: BackfillRecord = decode(item)?;
                if record.is_old(now) {
                    continue;
                }
                if backfills.len() == limit {
                    let next = backfills.last().map(|last: &Backfill| last.id);
                    return Ok(BackfillPage { backfills, next });
                }
                backfills.push(Backfill::of(id, record));
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(BackfillPage { backfills, next: None }),
            }
        }
    }

    /// Returns a backfill and, if it ended, what became of its images: `limit` of them from `from`
    /// on.
    ///
    /// # Errors
    ///
    /// [`BackfillError::Unknown`].
    pub async fn results(
        &self,
        permit: RegistryPermit,
        id: BackfillId,
        which: WhichResults,
        from: ResultPlace,
        limit: usize,
    ) -> Result<BackfillResults, RegistryError> {
        permit.must_be(Action::DescribeReplicationBackfillResults);
        let found = read(self.table.as_ref(), id).await?;
        let record = found.map(|found| found.record);
        let record = record.filter(|record| !record.is_old(self.clock.now()));
        let record = record.ok_or(BackfillError::Unknown(id))?;
        let (mut images, mut next) = (Vec::new(), None);
        if matches!(record.state, BackfillState::Ended { .. }) {
            (images, next) = self.images(id, record.pages, which, from, limit).await?;
        }
        Ok(BackfillResults { backfill: Backfill::of(id, record), images, next })
    }

    async fn images(
        &self,
        id: BackfillId,
        pages: u32,
        which: WhichResults,
        from: ResultPlace,
        limit: usize,
    ) -> Result<(Vec<BackfilledImage>, Option<ResultPlace>), RegistryError> {
        let mut images = Vec::new();
        let mut skipped = from.unit;
        for number in from.page..pages {
            if number - from.page >= LOOKED_AT {
                return Ok((images, Some(ResultPlace { page: number, unit: 0 })));
            }
            let Some((page, _)) = Page::read(self.table.as_ref(), id, number).await? else {
                break;
            };
            for (unit, image) in page.units.into_iter().enumerate().skip(skipped) {
                let Some(image) = image.result().filter(|image| which.has(image)) else { continue };
                if images.len() == limit {
                    return Ok((images, Some(ResultPlace { page: number, unit })));
                }
                images.push(image);
            }
            skipped = 0;
        }
        Ok((images, None))
    }
}
