//! The use cases of the registry, the layout of its table, and the ports they need.
//!
//! Nothing here names AWS, SQLite, HTTP or a file system: `oci-api` and `ecr-api` call the use
//! cases, `aws` and `embedded` implement the [`ports`].

pub mod ports;
