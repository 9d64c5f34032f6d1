use async_trait::async_trait;
use berth_registry::ports::{CheckKeys, StoreError};
use berth_types::KmsKey;

/// The KMS that a registry on one's own machine does not have: every key is refused, so that nobody
/// believes that objects are encrypted which are not.
#[derive(Clone, Copy, Debug)]
pub struct NoKms;

#[async_trait]
impl CheckKeys for NoKms {
    async fn check_key(&self, _named: Option<&KmsKey>) -> Result<KmsKey, StoreError> {
        Err(StoreError::key_refused(
            "UnsupportedOperationException",
            "This registry runs without AWS KMS; repositories can have the encryption type AES256 alone, which leaves encryption at rest to the disk",
        ))
    }
}
