//! Events of an API Gateway, of queues, of a table's stream and of a timer, from the samples in
//! `events/` and others, over an embedded store.

mod answers;
mod ecr;
mod harness;
mod jobs;
mod outbox;
mod timer;
mod trouble;
