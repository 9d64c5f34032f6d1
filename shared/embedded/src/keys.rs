use std::fmt;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use async_trait::async_trait;
use berth_registry::ports::{
    DATA_KEY_BYTES, DataKey, StoreError, StoreErrorKind, UnwrapKeys, WrapKeys, WrappedKey,
};

const NONCE_BYTES: usize = 12;

/// Stands beside each wrapped key, unsaid, so that nothing else that the master key ever sealed
/// passes for one.
const PURPOSE: &[u8] = b"berth data key";

/// Data keys under a master key that lies in a file of the data folder (AES-256-GCM).
///
/// A wrapped key is the nonce, and the sealed key behind it.
pub struct FileKeys(Box<Aes256Gcm>);

impl FileKeys {
    /// Length of the master key, in bytes.
    pub const MASTER_KEY_BYTES: usize = 32;

    /// Takes the bytes of the master key.
    #[must_use]
    pub fn new(master_key: &[u8; Self::MASTER_KEY_BYTES]) -> Self {
        Self(Box::new(Aes256Gcm::new(master_key.into())))
    }

    fn wrap(&self, key: &[u8; DATA_KEY_BYTES]) -> Result<WrappedKey, StoreError> {
        let nonce: [u8; NONCE_BYTES] = random()?;
        let payload = Payload { msg: key, aad: PURPOSE };
        let sealed = self.0.encrypt(Nonce::from_slice(&nonce), payload);
        let sealed = sealed.map_err(|_| internal("a data key can't be sealed"))?;
        Ok(WrappedKey([nonce.as_slice(), &sealed].concat()))
    }
}

#[async_trait]
impl UnwrapKeys for FileKeys {
    async fn unwrap_key(&self, wrapped: &WrappedKey) -> Result<DataKey, StoreError> {
        let damaged = || {
            let reason = "a data key was altered, or wrapped by another master key";
            StoreError::new(StoreErrorKind::Damaged, reason)
        };
        let (nonce, sealed) = wrapped.0.split_at_checked(NONCE_BYTES).ok_or_else(damaged)?;
        let payload = Payload { msg: sealed, aad: PURPOSE };
        let key = self.0.decrypt(Nonce::from_slice(nonce), payload).map_err(|_| damaged())?;
        key.try_into().map(DataKey::new).map_err(|_| damaged())
    }
}

#[async_trait]
impl WrapKeys for FileKeys {
    async fn make_key(&self) -> Result<(DataKey, WrappedKey), StoreError> {
        let key = random()?;
        Ok((DataKey::new(key), self.wrap(&key)?))
    }
}

fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| internal("the system has no randomness"))?;
    Ok(bytes)
}

fn internal(reason: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Internal, reason)
}

impl fmt::Debug for FileKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileKeys(…)")
    }
}
