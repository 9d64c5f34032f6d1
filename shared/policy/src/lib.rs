//! The IAM policy language: parse, validate, evaluate.
//!
//! A [`Policy`] is parsed once, under the rules of its [`PolicyKind`], and evaluated often:
//! [`decide`] answers a [`Request`] by the [`Policies`] that have a say. This crate does no I/O
//! and knows no clock: time, addresses and tags come with the request's [`Context`].
//!
//! What AWS leaves open is decided here so that less is allowed; docs/security.md lists it.

mod arn;
mod condition;
mod context;
mod decision;
mod draft;
mod fault;
mod json;
mod kind;
mod pattern;
mod policy;
mod principal;
mod principal_element;
mod principal_pattern;
mod resource;
mod statement;

pub use context::Context;
pub use decision::{Cause, Decision, Denial, Grant, Identity, Policies, Request, Side, decide};
pub use fault::{Fault, InvalidPolicy};
pub use kind::{PolicyKind, RegistryScope};
pub use policy::Policy;
pub use principal::{AwsPrincipal, ParsePrincipalError, Principal};
pub use principal_element::NamedPrincipal;
pub use principal_pattern::{ParsePrincipalPatternError, PrincipalPattern};
