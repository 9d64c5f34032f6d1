use berth_policy::PrincipalPattern;
use berth_types::PolicyName;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Trust;
use crate::ports::Timestamp;

/// A trust as it lies in the table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredTrust {
    /// Tells it from others that had or will have its name.
    pub(crate) id: Uuid,
    /// Whom it lets in.
    pub(crate) principals: Vec<PrincipalPattern>,
    /// Names of its policies, in order.
    pub(crate) policies: Vec<PolicyName>,
    /// Longest session, in seconds.
    pub(crate) max_session_seconds: u64,
    pub(crate) created_at: Timestamp,
}

impl StoredTrust {
    /// Returns the record of a trust without policies.
    pub(super) fn of(trust: &Trust) -> Self {
        Self {
            id: trust.id,
            principals: trust.principals.clone(),
            policies: Vec::new(),
            max_session_seconds: trust.max_session.as_secs(),
            created_at: trust.created_at,
        }
    }
}
