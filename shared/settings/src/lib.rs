//! What a process on AWS is told from outside, read and checked once, when it starts.
//!
//! Functions and the edge role share it; `berth serve` has options of its own. This crate names no
//! AWS crate and no server: it knows the variables, and what they mean.

mod environment;
mod settings;

pub use environment::{Environment, ProcessEnvironment};
pub use settings::{Settings, SettingsError};
