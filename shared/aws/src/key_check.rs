//! Whether a KMS key can encrypt objects.

use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use berth_registry::ports::{CheckKeys, StoreError, StoreErrorKind};
use berth_types::KmsKey;

use crate::failure::key_error;

/// What the data key of a check is for; it shows in CloudTrail.
const CONTEXT: (&str, &str) = ("berth", "key-check");

/// Asks KMS for a key, and tries it: makes a data key, as S3 does for an object, and unwraps it.
///
/// KMS itself refuses keys that are disabled, asymmetric, of another region, or somebody else's.
#[derive(Clone, Debug)]
pub struct KmsKeyCheck {
    client: Client,
    default_key: String,
}

impl KmsKeyCheck {
    /// Takes the id, ARN or alias of the key that encrypts where none is named.
    #[must_use]
    pub fn new(client: Client, default_key: String) -> Self {
        Self { client, default_key }
    }

    async fn arn(&self, key: &str) -> Result<String, StoreError> {
        let answer = self.client.describe_key().key_id(key).send().await;
        let metadata = answer.map_err(|error| key_error(error, key))?.key_metadata;
        let arn = metadata.and_then(|metadata| metadata.arn);
        arn.ok_or_else(|| StoreError::new(StoreErrorKind::Internal, "KMS gave a key no ARN"))
    }

    async fn attempt(&self, key: &str) -> Result<(), StoreError> {
        let request = self.client.generate_data_key().key_id(key);
        let request = request.key_spec(DataKeySpec::Aes256);
        let answer = request.encryption_context(CONTEXT.0, CONTEXT.1).send().await;
        let wrapped = answer.map_err(|error| key_error(error, key))?.ciphertext_blob;
        let request = self.client.decrypt().key_id(key);
        let request = request.ciphertext_blob(wrapped.unwrap_or_else(|| Blob::new([])));
        let answer = request.encryption_context(CONTEXT.0, CONTEXT.1).send().await;
        answer.map_err(|error| key_error(error, key)).map(drop)
    }
}

#[async_trait]
impl CheckKeys for KmsKeyCheck {
    async fn check_key(&self, named: Option<&KmsKey>) -> Result<KmsKey, StoreError> {
        let key = named.map_or(self.default_key.as_str(), KmsKey::as_str);
        let arn = self.arn(key).await?;
        self.attempt(&arn).await?;
        arn.parse().map_err(|error| StoreError::new(StoreErrorKind::Internal, error))
    }
}
