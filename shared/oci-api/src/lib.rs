//! The OCI distribution API over [`http::Request`] and [`http::Response`].
//!
//! Follows the [distribution specification](https://github.com/opencontainers/distribution-spec/blob/main/spec.md),
//! version 1.1 and the draft's additions, and Docker's
//! [token authentication](https://distribution.github.io/distribution/spec/auth/token/). This
//! crate knows HTTP, and neither servers nor stores. A handler parses, asks the gate, calls one
//! use case and renders.

mod api;
mod blobs;
mod body;
mod catalog;
mod challenge;
mod credentials;
mod error;
mod headers;
mod manifests;
mod page;
mod query;
mod range;
mod referrers;
mod route;
mod tags;
mod token;
mod uploads;

pub use api::{ApiSettings, OciApi};
pub use body::{RequestBody, ResponseBody};
pub use route::{Route, RouteError};
