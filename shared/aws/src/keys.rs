//! Data keys by KMS.

use async_trait::async_trait;
use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use berth_registry::ports::{
    DATA_KEY_BYTES, DataKey, StoreError, StoreErrorKind, UnwrapKeys, WrapKeys, WrappedKey,
};

use crate::failure::store_error;

/// What the keys are for. KMS binds it to a wrapped key: one that was wrapped for something else
/// can't be unwrapped here, even by a role that may use the same KMS key. It also shows in
/// CloudTrail.
const CONTEXT: (&str, &str) = ("berth", "sealing-key");

/// Makes data keys, and wraps them by one KMS key, which is symmetric.
#[derive(Clone, Debug)]
pub struct KmsKeys {
    client: Client,
    key: String,
}

impl KmsKeys {
    /// Takes the KMS key's id, ARN or alias.
    #[must_use]
    pub fn new(client: Client, key: String) -> Self {
        Self { client, key }
    }
}

#[async_trait]
impl UnwrapKeys for KmsKeys {
    async fn unwrap_key(&self, wrapped: &WrappedKey) -> Result<DataKey, StoreError> {
        // KMS would find the key by the wrapped bytes; named, no other one is accepted.
        let request = self.client.decrypt().key_id(&self.key);
        let request = request.ciphertext_blob(Blob::new(wrapped.0.clone()));
        let answer = request.encryption_context(CONTEXT.0, CONTEXT.1).send().await;
        data_key(answer.map_err(store_error)?.plaintext)
    }
}

#[async_trait]
impl WrapKeys for KmsKeys {
    async fn make_key(&self) -> Result<(DataKey, WrappedKey), StoreError> {
        let request = self.client.generate_data_key().key_id(&self.key);
        let request = request.key_spec(DataKeySpec::Aes256);
        let answer = request.encryption_context(CONTEXT.0, CONTEXT.1).send().await;
        let answer = answer.map_err(store_error)?;
        let Some(wrapped) = answer.ciphertext_blob else {
            return Err(StoreError::new(StoreErrorKind::Internal, "KMS gave no wrapped key"));
        };
        Ok((data_key(answer.plaintext)?, WrappedKey(wrapped.into_inner())))
    }
}

fn data_key(plaintext: Option<Blob>) -> Result<DataKey, StoreError> {
    let bytes: Option<[u8; DATA_KEY_BYTES]> =
        plaintext.and_then(|bytes| bytes.into_inner().try_into().ok());
    let text = "KMS gave a key of another length";
    bytes.map(DataKey::new).ok_or_else(|| StoreError::new(StoreErrorKind::Damaged, text))
}
