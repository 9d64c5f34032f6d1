use std::fmt;

use async_trait::async_trait;
use berth_types::KmsKey;

use super::StoreError;

/// Length of a data key, in bytes.
pub const DATA_KEY_BYTES: usize = 32;

/// Key that data is sealed with, in the clear. It is never stored so.
#[derive(Clone)]
pub struct DataKey([u8; DATA_KEY_BYTES]);

/// A data key as it may be stored: only the service that wrapped it can unwrap it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey(pub Vec<u8>);

impl DataKey {
    /// Takes the bytes for a key.
    #[must_use]
    pub fn new(bytes: [u8; DATA_KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    #[must_use]
    pub fn reveal(&self) -> &[u8; DATA_KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

/// Unwraps data keys.
///
/// Permissions: `kms:Decrypt`.
#[async_trait]
pub trait UnwrapKeys: fmt::Debug + Send + Sync {
    /// Returns the key that `wrapped` holds. One that this service did not wrap, or that was
    /// altered, is [`Damaged`](super::StoreErrorKind::Damaged).
    async fn unwrap_key(&self, wrapped: &WrappedKey) -> Result<DataKey, StoreError>;
}

/// Makes data keys.
///
/// Permissions: those of [`UnwrapKeys`], and `kms:GenerateDataKey`.
#[async_trait]
pub trait WrapKeys: UnwrapKeys {
    /// Makes a random key, and wraps it.
    async fn make_key(&self) -> Result<(DataKey, WrappedKey), StoreError>;
}

/// Checks the KMS keys that repositories are to be encrypted with.
///
/// Permissions: `kms:DescribeKey`, `kms:GenerateDataKey`, `kms:Decrypt`.
#[async_trait]
pub trait CheckKeys: fmt::Debug + Send + Sync {
    /// Returns the ARN of the key that `named` names, or of the store's own key if it names none.
    /// A key that can't encrypt and decrypt objects here, now, is
    /// [`KeyRefused`](super::StoreErrorKind::KeyRefused).
    async fn check_key(&self, named: Option<&KmsKey>) -> Result<KmsKey, StoreError>;
}
