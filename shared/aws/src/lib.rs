//! The registry's ports on AWS: the table on DynamoDB, the objects on S3, keys on KMS, queues on
//! SQS, the root's access key in Secrets Manager.
//!
//! The crate knows no rule of the registry. Only the `main` of a function, and of the edge, names
//! it; only it names the AWS SDK.
