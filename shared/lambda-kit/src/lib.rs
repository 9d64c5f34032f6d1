//! What every Lambda function shares: its settings, logs and metrics, and how it serves the events
//! of an HTTP API and of a queue.
//!
//! A function's `main` is wiring: it builds the ports, and hands what stands on them to
//! [`serve_http`] or [`serve_sqs`] inside [`run`]. This crate knows events and knows no AWS client.

mod deadline;
mod http;
mod invocation;
mod log;
mod metrics;
mod panics;
mod process;
mod sqs;

pub use self::http::{HttpApi, HttpEvent, HttpFunction, HttpReply, serve_http};
pub use self::metrics::Metrics;
pub use self::process::run;
pub use self::sqs::{MESSAGES_AT_ONCE, SqsEvent, SqsFunction, SqsReply, WorkError, serve_sqs};
pub use lambda_runtime::{Context, Error, LambdaEvent};
