use super::BackfillId;
use crate::settings::ReplicationDestination;

/// Why a backfill was not begun, stopped or read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackfillError {
    /// No rule of the registry sends anything to the destination.
    #[error("no replication rule names registry {} in {}", .0.registry_id, .0.region)]
    NoRule(ReplicationDestination),
    /// Another backfill of the destination's region did not end yet.
    #[error("a replication backfill to {} is in progress", .0.region)]
    InProgress(ReplicationDestination),
    /// As many backfills as there may be did not end yet.
    #[error("{0} replication backfills are in progress")]
    TooMany(usize),
    /// There is no such backfill, or not any more.
    #[error("replication backfill {0} not found")]
    Unknown(BackfillId),
    /// The backfill ended.
    #[error("replication backfill {0} is not in progress")]
    Ended(BackfillId),
}
