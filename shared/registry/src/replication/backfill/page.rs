use std::collections::BTreeSet;

use berth_types::{Digest, RepositoryName, Tag};
use serde::{Deserialize, Serialize};

use super::BackfillId;
use crate::document::{decode, encode, put};
use crate::layout::{Place, RepositoryId};
use crate::ports::{Condition, Consistency, Item, Operation, ReadTable, StoreError};

/// How many replications a page has at most.
pub(super) const PAGE: usize = 100;

/// Document of a page of a backfill: what there is to replicate, and what became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Page {
    pub(super) units: Vec<Unit>,
    /// How many attempts at it failed for a reason that may pass.
    #[serde(default)]
    pub(super) failed_attempts: u32,
}

/// One replication: an image with one of its tags, or without if it has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Unit {
    pub(super) repository: RepositoryName,
    pub(super) repository_id: RepositoryId,
    pub(super) digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tag: Option<Tag>,
    /// Whether it lists other images.
    pub(super) is_index: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) outcome: Option<UnitOutcome>,
}

/// What became of a replication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub(super) enum UnitOutcome {
    /// It succeeded.
    Complete,
    /// It failed: why, and why those that an index lists did.
    Failed { code: String, of_children: BTreeSet<String> },
    /// The image, or its tag, was deleted meanwhile.
    Gone,
}

/// How the replication of an image ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackfilledImage {
    /// Name of the repository.
    pub repository: RepositoryName,
    /// Digest of the manifest.
    pub digest: Digest,
    /// Tag; `None` if the image has none.
    pub tag: Option<Tag>,
    /// How it ended.
    pub result: BackfillResult,
    /// Why images that it lists failed, each reason once; `None` if it lists none.
    pub of_children: Option<BTreeSet<String>>,
}

/// How a replication ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackfillResult {
    /// The image is at the destination.
    Complete,
    /// It is not, for the reason that this code says.
    Failed(String),
}

impl Page {
    /// Reads a page.
    pub(super) async fn read(
        table: &dyn ReadTable,
        backfill: BackfillId,
        page: u32,
    ) -> Result<Option<(Self, u64)>, StoreError> {
        let key = Place::BackfillPage { backfill, page }.key();
        let item = table.get(&key, Consistency::Strong).await?;
        item.map(|item| Ok((Self::of(&item)?, item.version))).transpose()
    }

    pub(super) fn of(item: &Item) -> Result<Self, StoreError> {
        decode(item)
    }

    /// Returns the operation that writes the page.
    pub(super) fn operation(
        &self,
        backfill: BackfillId,
        page: u32,
        condition: Condition,
    ) -> Result<Operation, StoreError> {
        Ok(put(Place::BackfillPage { backfill, page }.key(), encode(self)?, 1, condition))
    }
}

impl Unit {
    /// Returns how it ended, if it did and the image is still there.
    pub(super) fn result(self) -> Option<BackfilledImage> {
        let (result, of_children) = match self.outcome? {
            UnitOutcome::Complete => (BackfillResult::Complete, BTreeSet::new()),
            UnitOutcome::Failed { code, of_children } => {
                (BackfillResult::Failed(code), of_children)
            }
            UnitOutcome::Gone => return None,
        };
        let Self { repository, digest, tag, is_index, .. } = self;
        let of_children = is_index.then_some(of_children);
        Some(BackfilledImage { repository, digest, tag, result, of_children })
    }
}
