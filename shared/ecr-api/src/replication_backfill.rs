//! What the operations on replication backfills share.

use std::collections::BTreeSet;

use berth_registry::{
    Backfill, BackfillId, BackfillProgress, BackfillStatus, ReplicationDestination,
};
use serde::Serialize;

use crate::parameter::{InvalidParameter, required};
use crate::repository_description::epoch_seconds;

/// Pattern that ECR's API reference gives for ids of backfills.
const BACKFILL_ID: &str =
    "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}";

/// Parses the parameter `replicationBackfillId`, which must be given.
pub(crate) fn backfill_id(text: Option<String>) -> Result<BackfillId, InvalidParameter> {
    let at = "replicationBackfillId";
    let text = required(at, text)?;
    let id = text.parse::<BackfillId>().ok();
    let id = id.filter(|id| id.to_string().eq_ignore_ascii_case(&text));
    id.ok_or_else(|| InvalidParameter::pattern(at, BACKFILL_ID))
}

/// Returns a status in the words of
/// [ReplicationBackfillSummary](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ReplicationBackfillSummary.html).
pub(crate) fn status(status: BackfillStatus) -> &'static str {
    match status {
        BackfillStatus::Preparing => "PREPARING",
        BackfillStatus::InProgress => "IN_PROGRESS",
        BackfillStatus::Complete => "COMPLETE",
        BackfillStatus::Failed => "FAILED",
        BackfillStatus::Stopping => "STOPPING",
        BackfillStatus::Stopped => "STOPPED",
    }
}

/// The data type [ReplicationBackfillSummary](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ReplicationBackfillSummary.html),
/// which is also what is told of a backfill besides its results.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    replication_backfill_id: String,
    destination: ReplicationDestination,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<Progress>,
    started_at: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<f64>,
}

/// The data type [ReplicationBackfillProgress](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ReplicationBackfillProgress.html).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    total_replication_count: u64,
    completed_replication_count: u64,
    failed_replication_count: u64,
    failure_codes: BTreeSet<String>,
}

impl From<BackfillProgress> for Progress {
    fn from(progress: BackfillProgress) -> Self {
        let BackfillProgress { total, completed, failed, failure_codes } = progress;
        Self {
            total_replication_count: total,
            completed_replication_count: completed,
            failed_replication_count: failed,
            failure_codes,
        }
    }
}

impl From<Backfill> for Summary {
    fn from(backfill: Backfill) -> Self {
        Self {
            replication_backfill_id: backfill.id.to_string(),
            destination: backfill.destination,
            status: status(backfill.status),
            failure_code: backfill.failure_code,
            progress: backfill.progress.map(Progress::from),
            started_at: epoch_seconds(backfill.started_at),
            ended_at: backfill.ended_at.map(epoch_seconds),
        }
    }
}
