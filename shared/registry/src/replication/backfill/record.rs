use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use berth_types::RepositoryName;
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::ports::Timestamp;
use crate::settings::ReplicationDestination;

/// How long a backfill is kept after its end.
pub(super) const KEPT: Duration = Duration::from_hours(24 * 90);

/// Names a backfill. Later ones are greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BackfillId(Uuid);

impl BackfillId {
    /// Makes the id of a backfill that begins `now`: a UUID of version 7.
    pub(super) fn new(now: Timestamp) -> Self {
        let mut random = [0; 10];
        random.copy_from_slice(&Uuid::new_v4().as_bytes()[..10]);
        Self(Builder::from_unix_timestamp_millis(now.millis(), &random).into_uuid())
    }
}

impl fmt::Display for BackfillId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for BackfillId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// How far a backfill is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackfillStatus {
    /// What there is to replicate is being written down.
    Preparing,
    /// It is being replicated.
    InProgress,
    /// All of it is at the destination.
    Complete,
    /// It ended, and some of it is not at the destination.
    Failed,
    /// It ends when the replications that are under way ended.
    Stopping,
    /// Somebody stopped it.
    Stopped,
}

/// How much of a backfill is done. An image counts once for each of its tags, and once if it has
/// none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackfillProgress {
    /// How many replications there are.
    pub total: u64,
    /// How many of them succeeded.
    pub completed: u64,
    /// How many of them failed.
    pub failed: u64,
    /// Why, each reason once.
    pub failure_codes: BTreeSet<String>,
}

/// Document of a backfill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BackfillRecord {
    pub(super) destination: ReplicationDestination,
    pub(super) started_at: Timestamp,
    pub(super) state: BackfillState,
    /// How many pages say what there is to replicate.
    pub(super) pages: u32,
    pub(super) progress: BackfillProgress,
}

/// How far a backfill is, and what comes next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub(super) enum BackfillState {
    /// What there is to replicate is written down up to here.
    Preparing { to: Option<PreparedTo> },
    /// This page comes next.
    InProgress { page: u32 },
    /// Somebody stopped it while replications may be under way.
    Stopping { page: u32 },
    /// It ended.
    Ended {
        at: Timestamp,
        ending: Ending,
        /// Whether all there was to replicate was written down.
        prepared: bool,
    },
}

/// How a backfill ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Ending {
    /// All of it is at the destination.
    Complete,
    /// Some of it is not at the destination.
    SomeFailed,
    /// So much failed that it was given up.
    MostFailed,
    /// Its job was set aside, since a store kept failing.
    GivenUp,
    /// Somebody stopped it.
    Stopped,
}

/// Up to where a registry was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PreparedTo {
    /// Repositories before this one, and of this one …
    pub(super) repository: RepositoryName,
    /// … images up to this sort key, or all.
    pub(super) image: Option<String>,
}

impl BackfillRecord {
    pub(super) fn status(&self) -> BackfillStatus {
        match &self.state {
            BackfillState::Preparing { .. } => BackfillStatus::Preparing,
            BackfillState::InProgress { .. } => BackfillStatus::InProgress,
            BackfillState::Stopping { .. } => BackfillStatus::Stopping,
            BackfillState::Ended { ending, .. } => match ending {
                Ending::Complete => BackfillStatus::Complete,
                Ending::SomeFailed | Ending::MostFailed | Ending::GivenUp => BackfillStatus::Failed,
                Ending::Stopped => BackfillStatus::Stopped,
            },
        }
    }

    /// Returns the code that says why it failed, if it did.
    pub(super) fn failure_code(&self) -> Option<&'static str> {
        match &self.state {
            BackfillState::Ended { ending: Ending::SomeFailed, .. } => Some("ReplicationsFailed"),
            BackfillState::Ended { ending: Ending::MostFailed, .. } => {
                Some("FailureThresholdExceeded")
            }
            BackfillState::Ended { ending: Ending::GivenUp, .. } => Some("ServiceUnavailable"),
            _ => None,
        }
    }

    /// Returns how much is done, once it is known how much there is.
    pub(super) fn shown_progress(&self) -> Option<&BackfillProgress> {
        let known = match self.state {
            BackfillState::Preparing { .. } => false,
            BackfillState::InProgress { .. } | BackfillState::Stopping { .. } => true,
            BackfillState::Ended { prepared, .. } => prepared,
        };
        known.then_some(&self.progress)
    }

    pub(super) fn ended_at(&self) -> Option<Timestamp> {
        match self.state {
            BackfillState::Ended { at, .. } => Some(at),
            _ => None,
        }
    }

    /// Whether it ended so long ago that it is not shown any more.
    pub(super) fn is_old(&self, now: Timestamp) -> bool {
        self.ended_at().is_some_and(|at| at.plus(KEPT) <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_ids_are_greater() {
        let id = |millis| BackfillId::new(Timestamp::from_millis(millis));
        assert!(id(1_700_000_000_000) < id(1_700_000_000_001));
        let one = id(1_700_000_000_000);
        assert_eq!(one.to_string().parse(), Ok(one));
        assert!("01890000".parse::<BackfillId>().is_err());
    }
}
