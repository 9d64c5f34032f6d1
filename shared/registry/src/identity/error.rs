use berth_policy::InvalidPolicy;
use berth_types::{AccessKeyId, PolicyName, UserName};

use crate::error::RegistryError;
use crate::ports::StoreError;

/// Why a use case of users refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is no such user.
    #[error("user `{0}` does not exist")]
    UserUnknown(UserName),
    /// There is such a user already.
    #[error("user `{0}` already exists")]
    UserExists(UserName),
    /// The user has no such access key.
    #[error("user `{user}` has no access key `{id}`")]
    AccessKeyUnknown {
        /// User.
        user: UserName,
        /// Access key.
        id: AccessKeyId,
    },
    /// The user has no such policy.
    #[error("user `{user}` has no policy `{policy}`")]
    PolicyUnknown {
        /// User.
        user: UserName,
        /// Policy.
        policy: PolicyName,
    },
    /// The user would have more access keys than one may have.
    #[error("a user has at most {0} access keys")]
    TooManyAccessKeys(usize),
    /// The user would have more policies than one may have.
    #[error("a user has at most {0} policies")]
    TooManyPolicies(usize),
    /// The policy is not one of an identity.
    #[error(transparent)]
    PolicyInvalid(#[from] InvalidPolicy),
    /// The registry refused or failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl From<StoreError> for IdentityError {
    fn from(error: StoreError) -> Self {
        Self::Registry(error.into())
    }
}
