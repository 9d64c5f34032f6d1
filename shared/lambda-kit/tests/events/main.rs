//! Events of an API Gateway, from the samples in `events/` and others, answered by the functions'
//! parts of the API over an embedded store.

mod answers;
mod ecr;
mod harness;
mod trouble;
