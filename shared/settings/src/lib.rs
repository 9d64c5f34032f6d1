//! What a process on AWS is told from outside, read and checked once, when it starts, and the APIs
//! that it serves by these settings.
//!
//! Functions and the edge role share it; `berth serve` has options of its own. This crate names no
//! AWS crate and no server: it knows the variables, and what they mean.

mod assembly;
mod environment;
mod peers;
mod queues;
mod settings;

pub use assembly::{Bodies, ecr_api, oci_api, session_api};
pub use environment::{Environment, ProcessEnvironment};
pub use peers::{ParsePeersError, PeerSettings};
pub use queues::{QueueUrls, Queues};
pub use settings::{Settings, SettingsError};
