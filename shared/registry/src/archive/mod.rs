//! The archive: images that are kept, cannot be pulled, and cost less.
//!
//! Where an image is kept is said by its summary alone, which one transaction changes. Reads look
//! there only in a repository that ever archived an image, as its record says: so an archive costs
//! nothing where there is none. What is in the archive counts as no image for pulls and for the
//! content of new indexes, and as one for everything else: it has its tags, its place among its
//! subject's referrers, and is deleted like any other.

mod active;
mod job;
mod layers;
mod placement;
mod state;
mod status;
mod transition;
mod update;

pub(crate) use active::StatusReader;
pub use job::{Placed, PlacementJob};
pub use placement::Placement;
pub(crate) use state::ImageStorage;
pub use status::{ImageStatus, StatusFilter};
pub(crate) use transition::{ARCHIVED_PARENTS, Transitions};
pub use update::{Archive, StorageRefusal, StorageUpdate};
