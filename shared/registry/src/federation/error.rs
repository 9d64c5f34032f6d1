use std::time::Duration;

use berth_policy::InvalidPolicy;
use berth_types::{PolicyName, TrustName};

use crate::error::RegistryError;
use crate::ports::StoreError;

/// Why a use case of trusts refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// There is no such trust.
    #[error("trust `{0}` does not exist")]
    TrustUnknown(TrustName),
    /// There is such a trust already.
    #[error("trust `{0}` already exists")]
    TrustExists(TrustName),
    /// The trust has no such policy.
    #[error("trust `{trust}` has no policy `{policy}`")]
    PolicyUnknown {
        /// Trust.
        trust: TrustName,
        /// Policy.
        policy: PolicyName,
    },
    /// There are as many trusts as a registry may have.
    #[error("a registry has at most {0} trusts")]
    TooManyTrusts(usize),
    /// The trust lets nobody in, or names more than it may.
    #[error("a trust names 1 to {0} principals")]
    Principals(usize),
    /// The sessions would be shorter or longer than they may be.
    #[error("the longest session of a trust must last {} to {} seconds", least.as_secs(), most.as_secs())]
    Duration {
        /// How long it must be at least.
        least: Duration,
        /// How long it may be.
        most: Duration,
    },
    /// The trust would have more policies than one may have.
    #[error("a trust has at most {0} policies")]
    TooManyPolicies(usize),
    /// The policy is not one of an identity.
    #[error(transparent)]
    PolicyInvalid(#[from] InvalidPolicy),
    /// The registry refused or failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl From<StoreError> for TrustError {
    fn from(error: StoreError) -> Self {
        Self::Registry(error.into())
    }
}
