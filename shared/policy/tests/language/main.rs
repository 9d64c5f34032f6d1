//! The language as its users see it: documents in, decisions out.

mod conditions;
mod decisions;
mod documents;
mod examples;
mod matrix;
mod operators;
mod properties;
mod support;
