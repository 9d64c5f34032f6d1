//! What every Lambda function shares: its settings, logs and metrics, and how it serves the events
//! of an HTTP API, of a queue of jobs, of the table's stream and of a timer.
//!
//! A function's `main` is wiring: it builds the ports, and hands what stands on them to
//! [`serve_http`], [`serve_jobs`], [`serve_outbox`] or [`serve_timer`] inside [`run`]. This crate knows events and knows no AWS client.

mod deadline;
mod http;
mod invocation;
mod jobs;
mod log;
mod metrics;
mod outbox;
mod panics;
mod process;
mod timer;
mod whole;

pub use self::http::{HttpApi, HttpEvent, HttpFunction, HttpReply, serve_http};
pub use self::jobs::{JOBS_AT_ONCE, JobsEvent, JobsFunction, JobsReply, serve_jobs};
pub use self::metrics::Metrics;
pub use self::outbox::{OutboxEvent, OutboxFunction, serve_outbox};
pub use self::process::run;
pub use self::timer::{Tick, TimerFunction, serve_timer};
pub use lambda_runtime::{Context, Error, LambdaEvent};
