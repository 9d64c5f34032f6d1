use std::fmt;

use berth_types::RepositoryName;

use super::Action;
use crate::error::RegistryError;
use crate::ports::StoreError;

/// Refusal of the gate.
#[derive(Debug, PartialEq, Eq)]
pub struct Denied {
    /// What they wanted to do.
    pub action: Action,
    /// Repository that they wanted to do it on, if it is one.
    pub repository: Option<RepositoryName>,
    /// What refused them.
    pub by: DeniedBy,
    pub(super) message: String,
}

/// What refused a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeniedBy {
    /// They are nobody, or bear a token that is not good for this.
    Credentials,
    /// Policies, whatever their token.
    Policies,
}

/// Why the gate makes no permit, or a use case that asked it again went no further.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The caller may not do it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Nobody knows: the repository's record, or the registry's policy, can't be read.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl From<StoreError> for GateError {
    fn from(error: StoreError) -> Self {
        Self::Registry(error.into())
    }
}

impl fmt::Display for Denied {
    /// Writes AWS's message, with principal, action and resource.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Denied {}
