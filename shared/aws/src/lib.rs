//! The registry's ports on AWS: the table on DynamoDB, the objects on S3, keys on KMS, queues on
//! SQS, events on EventBridge, the root's access key in Secrets Manager.
//!
//! The crate knows no rule of the registry. Only the `main` of a function, and of the edge, names
//! it; only it names the AWS SDK.

mod backoff;
mod clients;
mod events;
mod failure;
mod key_check;
mod keys;
mod objects;
mod queue;
mod root_secret;
mod sdk;
mod table;

pub use clients::Clients;
pub use events::EventBus;
pub use key_check::KmsKeyCheck;
pub use keys::KmsKeys;
pub use objects::{S3Objects, s3_client};
pub use queue::SqsQueue;
pub use root_secret::root_credentials;
pub use table::DynamoTable;
