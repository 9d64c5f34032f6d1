//! The HTTP server: listening, serving both protocols, sending files, counting.

mod body;
mod connection;
mod listener;
mod metrics;
mod request;
#[cfg(target_os = "linux")]
mod sendfile;
mod service;
mod tls;

pub(crate) use listener::Listeners;
pub(crate) use metrics::Metrics;
pub(crate) use service::Service;
