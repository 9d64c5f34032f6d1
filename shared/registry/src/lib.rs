//! The use cases of the registry, the layout of its table, and the ports they need.
//!
//! Nothing here names AWS, SQLite, HTTP or a file system: `oci-api` and `ecr-api` call the use
//! cases, `aws` and `embedded` implement the [`ports`]. Every use case asks for a permit, which
//! only the [gate](access::Gate) makes.

pub mod access;
mod contention;
mod document;
mod error;
mod layout;
pub mod ports;
mod registry;
mod repositories;

pub use error::RegistryError;
pub use layout::RepositoryId;
pub use registry::{Identity, Ports, Registry};
pub use repositories::{
    CreateRepository, DeleteRepository, Encryption, Repositories, Repository, RepositoryPage,
    WhenNotEmpty,
};
