//! The registry's ports on SQLite and files, for a registry in one process.
//!
//! A [`DataFolder`] holds all of it: a [`SqliteTable`] for metadata and [`FileObjects`] for
//! bytes; a [`RegistriesFolder`] has one of them for each of several registries. Nothing here knows a rule of the registry.

mod failure;
mod folder;
mod keys;
mod no_kms;
mod objects;
mod queue;
mod registries;
mod secrets;
mod table;

pub use folder::{DataFolder, OpenError};
pub use keys::FileKeys;
pub use no_kms::NoKms;
pub use objects::FileObjects;
pub use queue::SqliteQueue;
pub use registries::RegistriesFolder;
pub use secrets::{Created, Secrets};
pub use table::SqliteTable;
