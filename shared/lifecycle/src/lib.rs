//! Lifecycle policies of ECR: parse, validate.
//!
//! A [`LifecyclePolicy`] is a text that says what happens to old images. Its value always follows
//! ECR's schema and the rules between its rules. This crate does no I/O and knows no clock.
//!
//! Follows [Lifecycle policy properties](https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html).

mod fault;
mod policy;
mod rules;
mod schema;

pub use fault::InvalidLifecyclePolicy;
pub use policy::{Action, Count, LifecyclePolicy, Rule, Selection, StorageClass, TagSelection};

#[cfg(test)]
mod tests;
