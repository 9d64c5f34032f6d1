use berth_types::RepositoryName;
use serde::{Deserialize, Serialize};

use crate::layout::RepositoryId;

/// Collects what a repository does not need any more: layers that no image uses, uses by images that
/// are not there, uploads that were left. Its fields are the message that says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryCollection {
    /// Name of the repository, for people.
    pub repository: RepositoryName,
    /// Id of the repository.
    pub id: RepositoryId,
    /// Sort key behind which it goes on; `None` at the begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<String>,
}

/// Collects what a deleted repository left. Its fields are the message that says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedCollection {
    /// Name that the repository had, for people.
    pub repository: RepositoryName,
    /// Id that it had.
    pub id: RepositoryId,
}

/// Collects, of the registry as a whole, what deleted repositories left and what nothing names among
/// the objects. Its fields are the message that says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryCollection {
    /// What it goes over.
    #[serde(default)]
    pub(super) stage: Stage,
    /// Where it goes on; `None` at the begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<String>,
}

/// What the registry's collection goes over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Stage {
    /// Repositories that were deleted.
    #[default]
    Deleted,
    /// Objects.
    Objects,
    /// Objects of several parts that were begun.
    Multiparts,
}

impl RepositoryCollection {
    /// Makes the job that goes over the whole repository.
    #[must_use]
    pub fn new(repository: RepositoryName, id: RepositoryId) -> Self {
        Self { repository, id, after: None }
    }
}

impl DeletedCollection {
    /// Makes the job for a repository that was deleted.
    #[must_use]
    pub fn new(repository: RepositoryName, id: RepositoryId) -> Self {
        Self { repository, id }
    }
}

impl RegistryCollection {
    /// Makes the job that goes over the whole registry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}
