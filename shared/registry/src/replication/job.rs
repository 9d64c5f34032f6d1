use berth_types::{Digest, RepositoryName, Tag};
use serde::{Deserialize, Serialize};

use crate::layout::RepositoryId;
use crate::settings::ReplicationDestination;

/// Replicates one change to one destination. Its fields are the message that says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicateJob {
    /// Name of the repository, here and there.
    pub repository: RepositoryName,
    /// Id of the repository here, when it changed.
    pub repository_id: RepositoryId,
    /// Registry that the change goes to.
    pub destination: ReplicationDestination,
    /// What changed.
    pub change: Replicated,
}

/// What is replicated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Replicated {
    /// An image came, or got tags.
    Push {
        /// Digest of its manifest.
        digest: Digest,
        /// Tags that it got.
        tags: Vec<Tag>,
    },
    /// An image came back from the archive, and goes with all its tags.
    Return {
        /// Digest of its manifest.
        digest: Digest,
    },
    /// An image was deleted, and goes at the destination as well.
    Deletion {
        /// Digest of its manifest.
        digest: Digest,
    },
    /// An image was deleted, and stays at the destination: its status is forgotten.
    Forgetting {
        /// Digest of its manifest.
        digest: Digest,
    },
    /// The repository's settings changed.
    Settings,
    /// An image lost tags, and loses them at the destination as well.
    Untagging {
        /// Digest of its manifest.
        digest: Digest,
        /// The tags.
        tags: Vec<Tag>,
    },
}
