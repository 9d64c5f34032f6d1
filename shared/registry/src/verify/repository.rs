//! What is known of a repository while it is checked.

use std::collections::HashMap;

use berth_types::{Digest, RepositoryName};

use crate::figures::Amounts;
use crate::layout::RepositoryId;

/// A repository that is checked.
#[derive(Clone, Copy)]
pub(super) struct Content<'a> {
    pub(super) name: &'a RepositoryName,
    pub(super) id: &'a RepositoryId,
}

/// What the images of a repository come to.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// What they count, as far as the repository's figures are of them.
    pub(super) amounts: Amounts,
    /// How many of them have a manifest.
    pub(super) manifests: usize,
    /// How many items there are that say that they use a layer.
    pub(super) uses: usize,
    /// Images that are children, or say that they are.
    pub(super) children: HashMap<Digest, Parents>,
}

/// How many indexes list an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parents {
    /// What its counter says.
    pub(super) found: i64,
    /// Indexes that were seen to list it, and to count themselves.
    pub(super) expected: i64,
    /// What its counter of indexes in the archive says.
    pub(super) found_archived: i64,
    /// Those of the indexes that are in the archive.
    pub(super) expected_archived: i64,
}

/// Returns how findings call an image.
pub(super) fn named(image: &Digest) -> String {
    format!("image {image}")
}
