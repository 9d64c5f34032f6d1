//! Events of an API Gateway, as requests to an API of the registry.

mod api;
mod event;
mod function;
mod reply;

pub use api::HttpApi;
pub use event::HttpEvent;
pub use function::{HttpFunction, serve_http};
pub use reply::HttpReply;
