//! Blobs: layers and configs of images, found, read, mounted and deleted.
//!
//! A repository's layer item says how large a blob is and which object holds it; the blob's links
//! say which repositories may share it. A client's deletion marks the layer, looks
//! for uses and hides it, and leaves the rest to collection, which marks layers that no image uses by
//! itself; an upload, a mount or a manifest push of the same blob takes that back.

mod availability;
mod delete;
mod get;
mod mount;
mod record;

pub use availability::LayerSummary;
pub(crate) use delete::is_used;
pub use get::Blob;
pub(crate) use get::get_immutable;
pub use mount::{MountFrom, MountSources};
pub(crate) use record::{BlobObject, Deletion, Layer, LayerStorage, LayerUse};
