//! The ports on S3, SQS, KMS, EventBridge and Secrets Manager, by the real SDK against MiniStack.

mod bodies;
mod copies;
mod events;
mod faults;
mod key_check;
mod keys;
mod objects;
mod queue;
mod requests;
mod root_secret;
mod server;
mod strict_kms;
mod wire;
