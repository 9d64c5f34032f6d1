use std::fmt;

use serde::{Deserialize, Serialize};

use crate::access::GateError;
use crate::error::{QuotaExceeded, RegistryError};
use crate::ports::StoreError;

/// Why something can't be replicated before somebody does something about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReplicationFailure {
    /// Code that clients are told, such as `AccessDenied`.
    pub code: String,
    /// Why, for the log.
    pub reason: String,
}

impl ReplicationFailure {
    pub(super) fn new(code: &str, reason: &impl ToString) -> Self {
        Self { code: code.to_owned(), reason: reason.to_string() }
    }

    /// Returns why a use case of the destination refused, or the error if it may pass when it is
    /// tried again.
    pub(super) fn of(error: RegistryError) -> Result<Self, RegistryError> {
        let code = match &error {
            RegistryError::TagImmutable { .. } => "ImageTagAlreadyExists",
            RegistryError::QuotaExceeded(QuotaExceeded::Repositories { .. }) => {
                "RepositoryLimitExceeded"
            }
            RegistryError::QuotaExceeded(_) => "LimitExceeded",
            RegistryError::ManifestTooComplex { .. } | RegistryError::ManifestInvalid(_) => {
                "InvalidImage"
            }
            RegistryError::TooManyResourceTags { .. } => "TooManyTags",
            RegistryError::Store(error) if error.key_refusal().is_some() => "KmsError",
            _ => return Err(error),
        };
        Ok(Self::new(code, &error))
    }

    /// Returns why the destination's gate let nothing in.
    pub(super) fn of_gate(error: GateError) -> Result<Self, RegistryError> {
        match error {
            GateError::Denied(denied) => Ok(Self::new("AccessDenied", &denied)),
            GateError::Registry(error) => Err(error),
        }
    }
}

impl fmt::Display for ReplicationFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.reason)
    }
}

/// Why a course of replication ended early.
#[derive(Debug)]
pub(super) enum Stop {
    /// It can't succeed before somebody does something about it.
    Failed(ReplicationFailure),
    /// There is nothing to replicate any more.
    Gone,
    /// Its time is over: what it did stays.
    CutOff,
    /// It may succeed when it is tried again.
    Again(RegistryError),
}

impl From<RegistryError> for Stop {
    fn from(error: RegistryError) -> Self {
        ReplicationFailure::of(error).map_or_else(Self::Again, Self::Failed)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        RegistryError::from(error).into()
    }
}

impl From<GateError> for Stop {
    fn from(error: GateError) -> Self {
        ReplicationFailure::of_gate(error).map_or_else(Self::Again, Self::Failed)
    }
}
