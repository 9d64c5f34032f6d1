//! Events of an API Gateway, as requests to the OCI distribution API.

mod event;
mod function;
mod reply;

pub use event::HttpEvent;
pub use function::{HttpFunction, serve_http};
pub use reply::HttpReply;
