//! The registry's ports on SQLite and files, for a registry in one process.
//!
//! A [`DataFolder`] holds all of it: a [`SqliteTable`] for metadata and [`FileObjects`] for
//! bytes. Nothing here knows a rule of the registry.

mod failure;
mod folder;
mod keys;
mod no_kms;
mod objects;
mod queue;
mod table;

pub use folder::{Created, DataFolder, OpenError};
pub use keys::FileKeys;
pub use no_kms::NoKms;
pub use objects::FileObjects;
pub use queue::SqliteQueue;
pub use table::SqliteTable;
