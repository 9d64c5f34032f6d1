use std::time::Duration;

use berth_policy::InvalidPolicy;
use berth_types::{PolicyName, TrustName};

use crate::error::RegistryError;
use crate::ports::{IdentifyError, StoreError, Timestamp};

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

/// Why a session does not begin.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The proof is too old.
    #[error("the proof was signed more than {} seconds ago", most.as_secs())]
    Stale {
        /// When it was signed.
        signed_at: Timestamp,
        /// When it came.
        now: Timestamp,
        /// How old it may be.
        most: Duration,
    },
    /// The proof is from the future.
    #[error("the proof was signed more than {} seconds in the future", most.as_secs())]
    Early {
        /// When it was signed.
        signed_at: Timestamp,
        /// When it came.
        now: Timestamp,
        /// How far ahead it may be.
        most: Duration,
    },
    /// The proof was used before.
    #[error("the proof was used before")]
    Replayed,
    /// Nobody is known to have made the proof.
    #[error(transparent)]
    Unidentified(#[from] IdentifyError),
    /// No trust lets this principal in, or not the one that was asked for.
    #[error("no trust lets `{0}` in")]
    Untrusted(String),
    /// The session would be shorter or longer than its trust allows.
    #[error("a session of this trust lasts {} to {} seconds", least.as_secs(), most.as_secs())]
    Duration {
        /// How long it must be at least.
        least: Duration,
        /// How long it may be.
        most: Duration,
    },
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
