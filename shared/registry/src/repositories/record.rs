use std::collections::BTreeMap;

use berth_types::{Encryption, RepositoryName, TagMutability};
use serde::{Deserialize, Serialize};

use crate::layout::RepositoryId;
use crate::ports::Timestamp;

/// Record of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// Id, under which its content lies.
    pub id: RepositoryId,
    /// Name.
    pub name: RepositoryName,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether its tags may move.
    pub tag_mutability: TagMutability,
    /// How its content is encrypted at rest.
    pub encryption: Encryption,
    /// Whether images are scanned when they are pushed.
    pub scan_on_push: bool,
    /// Resource tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Policy, as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// When the first of its images went to the archive, if one ever did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) archived_since: Option<Timestamp>,
    /// When its deletion began, while one is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deletion_began: Option<Timestamp>,
}
