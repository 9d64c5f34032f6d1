use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use berth_types::{Digest, RepositoryName, UploadId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Scope;
use super::session::SessionClaims;
use crate::ports::{DataKey, Timestamp};

const NONCE_BYTES: usize = 12;

/// Key that seals tokens, so that they are verified without asking anyone, and the secrets of
/// access keys (AES-256-GCM). What is sealed for one purpose is opened for no other.
pub(super) struct SealingKey(Box<Aes256Gcm>);

/// What tokens are sealed for.
pub(super) const TOKEN: &str = "";

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    /// Access key that the token was given to; the token ends with the key.
    pub(super) access_key_id: String,
    /// Session that the access key belongs to, if it is a session's; the token ends with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) session: Option<SessionClaims>,
    /// What the token is good for.
    pub(super) grant: Grant,
    /// Moment when it ends.
    pub(super) expires_at: Timestamp,
}

/// What a token is good for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Grant {
    /// Everything that its owner may do: an authorization token.
    Everything,
    /// These scopes: a Bearer token.
    Scopes(Vec<Scope>),
    /// Sending bytes to one upload of a repository, and ending it: an upload's token.
    Upload(RepositoryName, UploadId),
    /// Reading one blob of a repository: a download's token.
    Blob(RepositoryName, Digest),
}

impl SealingKey {
    /// Makes a key of its bytes.
    pub(super) fn new(key: &DataKey) -> Self {
        Self(Box::new(Aes256Gcm::new(key.reveal().into())))
    }

    pub(super) fn seal<T: Serialize>(&self, purpose: &str, value: &T) -> Result<String, SealError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| SealError)?;
        let msg = &serde_json::to_vec(value).map_err(|_| SealError)?;
        let payload = Payload { msg, aad: purpose.as_bytes() };
        let sealed = self.0.encrypt(Nonce::from_slice(&nonce), payload).map_err(|_| SealError)?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat()))
    }

    /// Returns what `sealed` says, if this key sealed it for `purpose`.
    pub(super) fn open<T: DeserializeOwned>(&self, purpose: &str, sealed: &str) -> Option<T> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
        let payload = Payload { msg: sealed, aad: purpose.as_bytes() };
        let text = self.0.decrypt(Nonce::from_slice(nonce), payload).ok()?;
        serde_json::from_slice(&text).ok()
    }
}

/// The machine gave no randomness, so that no token can be made.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("no token can be sealed: the system has no randomness")]
pub(super) struct SealError;

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(…)")
    }
}
