//! A client of registries that costs little, since it shares the machine with the server: it neither
//! hashes nor stores, it sends blobs from memory without copying them, and it has the kernel drop
//! what it receives.

pub mod connection;
pub mod content;
pub mod http;
pub mod process;
