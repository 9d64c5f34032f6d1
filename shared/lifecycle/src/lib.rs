//! Lifecycle policies of ECR: parse, validate, evaluate.
//!
//! A [`LifecyclePolicy`] is a text that says what happens to old images. Its value always follows
//! ECR's schema, or that with members of Berth's own, and the rules between its rules. It says of a
//! list of images what happens to each, and why. This crate does no I/O and knows no clock.
//!
//! Follows [Lifecycle policy properties](https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html).

mod evaluate;
mod fault;
mod image;
mod json;
mod policy;
mod referrers;
mod rules;
mod schema;
mod tags;
mod verdict;

pub use fault::InvalidLifecyclePolicy;
pub use image::{Image, Storage};
pub use policy::{
    Action, Count, LifecyclePolicy, Rule, Selection, StorageClass, TagMatch, TagSelection,
};
pub use verdict::{Evaluation, Measure, Reason, RuleReport, Verdict};

#[cfg(test)]
mod tests;
