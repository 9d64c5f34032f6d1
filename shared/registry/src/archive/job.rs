use berth_types::{Digest, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::layout::RepositoryId;

/// Brings bytes to where images need them. Its fields are the message that says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlacementJob {
    /// Name of the repository, for people.
    pub repository: RepositoryName,
    /// Its id.
    pub id: RepositoryId,
    /// Whose bytes.
    pub of: Placed,
}

/// Whose bytes are brought to where images need them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Placed {
    /// Those of the layers of an image, which then is no longer on its way back from the archive.
    Image(Digest),
    /// Those of a layer.
    Layer(Digest),
}
