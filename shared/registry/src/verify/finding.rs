use std::fmt;

use berth_types::RepositoryName;

use crate::error::RegistryError;
use crate::ports::{ObjectKey, StoreErrorKind};

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Something is lost, or wrong.
    Damage {
        /// Repository that it belongs to; `None` if it belongs to the registry.
        repository: Option<RepositoryName>,
        /// What it is, such as `image sha256:…`.
        what: String,
        /// What is wrong with it.
        damage: Damage,
    },
    /// Something was left over, by a request that failed or a process that died, and does no harm.
    /// Collection takes it away.
    Leftover {
        /// Repository that it belongs to.
        repository: RepositoryName,
        /// What it is.
        what: String,
        /// Why nobody needs it.
        leftover: Leftover,
    },
}

/// What is wrong with something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The repository is in the list of repositories, and has no record.
    #[error("is listed, but has no record")]
    RecordMissing,
    /// The list of repositories says something else of the repository than its record.
    #[error("is listed as another repository than its record says")]
    ListingDiffers,
    /// The item can't be read as what it should be.
    #[error("has an item that can't be read")]
    Unreadable,
    /// There is an image, but not its manifest.
    #[error("has no manifest")]
    ManifestMissing,
    /// There is a manifest, or a tag, but not its image.
    #[error("has no image")]
    ImageMissing,
    /// The manifest is none, of its media type.
    #[error("is not the manifest that its media type says: {0}")]
    ManifestInvalid(String),
    /// The summary of the image says something else than its manifest.
    #[error("has a summary that differs from its manifest")]
    SummaryDiffers,
    /// The tag says something else than its image.
    #[error("differs from its image")]
    TagDiffers,
    /// The image has the tag, but the tag is not there or points to another image.
    #[error("is a tag of {0}, but does not point to it")]
    TagMissing(String),
    /// The tag points to the image, which does not know of it.
    #[error("points to {0}, which does not know of it")]
    ImageTagMissing(String),
    /// The image is made of a layer, but the layer does not know of the image.
    #[error("is not known to its layer {0}, which may be collected")]
    UseMissing(String),
    /// The layer says that an image uses it, which does not.
    #[error("is said to be used by {0}, which does not")]
    UseWrong(String),
    /// The image is made of a layer that is not there, or that was deleted.
    #[error("lacks its layer {0}")]
    LayerMissing(String),
    /// The image can be pulled, but one of its layers is in the archive.
    #[error("is made of the layer {0}, which is in the archive")]
    LayerArchived(String),
    /// The index lists an image that is not there.
    #[error("lacks its child {0}")]
    ChildMissing(String),
    /// The index can be pulled, but an image that it lists is in the archive.
    #[error("lists {0}, which is in the archive")]
    ChildArchived(String),
    /// The image refers to a subject whose list of referrers lacks it.
    #[error("is missing among the referrers of {0}")]
    ReferrerMissing(String),
    /// The list of referrers has an image that does not refer to the subject.
    #[error("is among the referrers of {0}, and does not refer to it")]
    ReferrerWrong(String),
    /// There is a layer, and no link that keeps its object.
    #[error("has no link to its object, which may be collected")]
    LinkMissing,
    /// The object that holds the bytes has no item, or one of another digest, so that collection
    /// takes it for nobody's.
    #[error("has an object whose item is missing or wrong, {0}, which may be collected")]
    ObjectUnknown(String),
    /// The object that holds the bytes is not there.
    #[error("has lost its object {0}")]
    ObjectMissing(String),
    /// The object can't be read.
    #[error("has an object that can't be read, {object}: {why}")]
    ObjectUnreadable {
        /// The object.
        object: String,
        /// What the store says.
        why: String,
    },
    /// The bytes have another digest.
    #[error("has bytes of another digest, {0}")]
    DigestDiffers(String),
    /// A counter is wrong.
    #[error("is {found}, and should be {expected}{}", if *.is_mended { " (mended)" } else { "" })]
    Counter {
        /// What it is.
        found: i64,
        /// What it should be.
        expected: i64,
        /// Whether it was set right.
        is_mended: bool,
    },
}

/// Why nobody needs something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Leftover {
    /// The image that uses the layer never came.
    #[error("is of an image that is not there")]
    Use,
    /// The image was pushed without all its layers.
    #[error("lacks a layer, as the registry allows")]
    Sparse,
    /// The repository was deleted.
    #[error("was deleted, and its content waits for collection")]
    Deleted,
}

impl Damage {
    /// Makes the damage of what an object holds that could not be read.
    pub(super) fn of_object(object: &ObjectKey, error: &RegistryError) -> Self {
        let object = object.as_str().to_owned();
        match error {
            RegistryError::Store(store) if store.kind() == StoreErrorKind::NotFound => {
                Self::ObjectMissing(object)
            }
            error => Self::ObjectUnreadable { object, why: error.to_string() },
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damage { repository, what, damage } => {
                let repository = repository.as_ref().map_or("the registry", RepositoryName::as_str);
                write!(f, "damage: {repository}: {what} {damage}")
            }
            Self::Leftover { repository, what, leftover } => {
                write!(f, "left over: {repository}: {what} {leftover}")
            }
        }
    }
}
