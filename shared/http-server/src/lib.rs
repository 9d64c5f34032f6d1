//! The HTTP server around the registry's APIs, as a process runs it that listens by itself: both
//! protocols, limits, files sent by the kernel, metrics, logs, and an ordered end.
//!
//! It knows no rule of the registry, no store and no TLS stack: which APIs answer is an [`Api`],
//! what encrypts is an [`Encrypt`], and its health is the answer of a table. The server's own
//! paths are `/healthz` and `/metrics`.

mod api;
mod body;
mod connection;
mod encrypt;
mod listener;
mod metrics;
mod proxies;
mod request;
#[cfg(target_os = "linux")]
mod sendfile;
mod service;
mod stop;

pub use api::{Api, plain_text};
pub use encrypt::{Encrypt, Unencrypted};
pub use listener::{Limits, ListenError, Listeners};
pub use proxies::{ParseTrustedProxiesError, TrustedProxies};
pub use service::{BaseUrl, Service};
pub use stop::Stop;
