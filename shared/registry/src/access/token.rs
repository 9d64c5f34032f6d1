use aes_gcm::aead::{Aead, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::{Scope, Secret};
use crate::ports::Timestamp;

/// Length of a sealing key, in bytes.
pub const SEALING_KEY_BYTES: usize = 32;

const NONCE_BYTES: usize = 12;

/// Longest token that is looked at, in characters.
const LONGEST_TOKEN: usize = 8 * 1024;

/// Key that seals tokens, so that they are verified without asking anyone (AES-256-GCM).
pub struct SealingKey(Box<Aes256Gcm>);

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    /// Access key that the token was given to; the token ends with the key.
    pub(super) access_key_id: String,
    /// Scopes of a Bearer token; an authorization token has none, and is good for everything that
    /// its owner may do.
    pub(super) scopes: Option<Vec<Scope>>,
    /// Moment when it ends.
    pub(super) expires_at: Timestamp,
}

impl SealingKey {
    /// Makes a key of its 32 bytes.
    #[must_use]
    pub fn new(key: &[u8; SEALING_KEY_BYTES]) -> Self {
        Self(Box::new(Aes256Gcm::new(key.into())))
    }

    pub(super) fn seal(&self, claims: &Claims) -> Result<Secret, SealError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| SealError)?;
        let text = serde_json::to_vec(claims).map_err(|_| SealError)?;
        let sealed =
            self.0.encrypt(Nonce::from_slice(&nonce), text.as_slice()).map_err(|_| SealError)?;
        Ok(Secret::new(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())))
    }

    /// Returns what `token` says, if this key sealed it.
    pub(super) fn open(&self, token: &str) -> Option<Claims> {
        if token.len() > LONGEST_TOKEN {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
        let text = self.0.decrypt(Nonce::from_slice(nonce), sealed).ok()?;
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
