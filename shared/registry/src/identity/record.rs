use std::fmt;

use berth_types::{AccessKeyId, PolicyName, UserName};
use serde::{Deserialize, Serialize};

use super::AccessKeyStatus;
use crate::ports::Timestamp;

/// A user as it lies in the table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StoredUser {
    /// Its name, of which the item's key has the lower case.
    pub(super) name: UserName,
    pub(super) created_at: Timestamp,
    /// Ids of its access keys, the oldest first.
    pub(super) access_keys: Vec<AccessKeyId>,
    /// Names of its policies, in order.
    pub(super) policies: Vec<PolicyName>,
}

/// An access key as it lies in the table.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct StoredAccessKey {
    pub(crate) user: UserName,
    /// The secret, sealed for the purpose [`purpose`].
    pub(crate) sealed_secret: String,
    pub(crate) status: AccessKeyStatus,
    pub(crate) created_at: Timestamp,
}

impl fmt::Debug for StoredAccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredAccessKey").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Returns what the secret of an access key is sealed for: it is the secret of no other.
pub(crate) fn purpose(id: &AccessKeyId) -> String {
    format!("secret of access key {id}")
}
