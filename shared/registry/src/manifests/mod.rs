//! Manifests: pushed, pulled, tagged, listed, deleted.
//!
//! An image is a summary; its manifest's bytes lie beside it, its tags point both ways, and every
//! layer, child and subject of it is recorded with it in one transaction. Nothing that two pushes
//! of different images share is written or checked there, except the children of an index, which
//! count their parents.

mod cache;
mod decided;
mod delete;
mod excluded;
mod get;
mod get_image;
mod image_id;
mod image_tags;
mod list;
mod parents;
mod pull_time_exclusions;
mod pull_times;
mod put;
mod record;
mod referrers;
mod replicated_removal;
mod room;
mod settle;
mod tags;
mod transaction;
mod untag;
mod walk;

pub(crate) use cache::ManifestCache;
pub(crate) use decided::{Decision, Seen};
pub(crate) use excluded::Excluded;
pub use get::{ManifestHead, StoredManifest};
pub use get_image::StoredImage;
pub use image_id::{ImageId, ImageSelector};
pub(crate) use image_tags::all_tags;
pub use list::{ImageDetail, ImagePage, ImageQuery, TagStatus};
pub use pull_time_exclusions::{PrincipalPage, PullTimeExclusions};
pub(crate) use pull_times::PullRecorder;
pub(crate) use put::distinct;
pub use put::{PushChange, PutManifest, PutManifestOutcome};
pub(crate) use record::{DIGEST, Image, ManifestBytes, ManifestRecord, PARENTS, TagRecord};
pub use referrers::{Referrer, Referrers, ReferrersQuery};
pub use tags::TagPage;
pub(crate) use walk::{Walk, Walked};
