use serde::{Deserialize, Serialize};

use crate::ports::Timestamp;

/// Document of the last evaluation of a repository's lifecycle policy.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct LastRun {
    /// Version of the policy that was evaluated.
    pub(crate) policy: u64,
    /// When it was.
    pub(crate) evaluated_at: Timestamp,
}
