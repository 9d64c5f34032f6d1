use serde::{Deserialize, Serialize};
use sha2::digest::common::hazmat::SerializableState;
use sha2::{Digest as _, Sha256, Sha512};

use crate::parsed_string::parsed_string;

/// Hash algorithm of a [`Digest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, 64 hexadecimal characters.
    Sha256,
    /// SHA-512, 128 hexadecimal characters.
    Sha512,
}

impl Algorithm {
    /// Returns the algorithm's name as it stands before the colon of a digest.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    fn hex_length(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

impl std::str::FromStr for Algorithm {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            other => Err(ParseDigestError::Algorithm(other.chars().take(32).collect())),
        }
    }
}

/// Digest of a blob or a manifest, such as `sha256:9f86d0…`.
///
/// Follows the [OCI image specification](https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests)
/// with its two registered algorithms.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

/// Error of parsing a [`Digest`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseDigestError {
    /// There is no colon between algorithm and hash.
    #[error("digest has no `:` between its algorithm and its hash")]
    Format,
    /// The algorithm is not supported.
    #[error("digest algorithm `{0}` is not supported, expected sha256 or sha512")]
    Algorithm(String),
    /// The hash is not lower-case hexadecimal of the algorithm's length.
    #[error("hash of a {0} digest must be {1} lower-case hexadecimal characters")]
    Hash(&'static str, usize),
}

parsed_string!(Digest, ParseDigestError);

impl Digest {
    fn check(text: &str) -> Result<(), ParseDigestError> {
        let (algorithm, hash) = text.split_once(':').ok_or(ParseDigestError::Format)?;
        let algorithm: Algorithm = algorithm.parse()?;
        let lower_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if hash.len() != algorithm.hex_length() || !hash.bytes().all(lower_hex) {
            return Err(ParseDigestError::Hash(algorithm.as_str(), algorithm.hex_length()));
        }
        Ok(())
    }

    /// Returns the digest of `bytes`.
    #[must_use]
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        hasher.finish()
    }

    /// Returns the algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        if self.0.starts_with("sha512") { Algorithm::Sha512 } else { Algorithm::Sha256 }
    }

    /// Returns the hash, in lower-case hexadecimal.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.0[self.algorithm().as_str().len() + 1..]
    }
}

/// Computes a [`Digest`] piece by piece, and can be set down and taken up between pieces.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha512(Sha512),
}

/// Error of [`Hasher::restore`]: the bytes are no saved state, or of another format version.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("saved hash state is damaged or of an unknown format")]
pub struct RestoreHasherError;

/// Version of the format of [`Hasher::save`]: sha2 0.11's serialized state.
const FORMAT: u8 = 1;

impl Hasher {
    /// Starts a hash of no bytes.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// Returns the algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(bytes),
            State::Sha512(state) => state.update(bytes),
        }
    }

    /// Returns the digest of all bytes so far.
    #[must_use]
    pub fn finish(self) -> Digest {
        let (algorithm, hash) = match self.0 {
            State::Sha256(state) => ("sha256", state.finalize().to_vec()),
            State::Sha512(state) => ("sha512", state.finalize().to_vec()),
        };
        let mut text = String::with_capacity(algorithm.len() + 1 + 2 * hash.len());
        text.push_str(algorithm);
        text.push(':');
        for byte in hash {
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 15)]));
        }
        Digest(text)
    }

    /// Returns the state, for [`Hasher::restore`] in any process.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let (algorithm, state) = match &self.0 {
            State::Sha256(state) => (0, state.serialize().to_vec()),
            State::Sha512(state) => (1, state.serialize().to_vec()),
        };
        [vec![FORMAT, algorithm], state].concat()
    }

    /// Takes up a state that [`Hasher::save`] returned.
    pub fn restore(saved: &[u8]) -> Result<Self, RestoreHasherError> {
        let state = match saved {
            [FORMAT, 0, state @ ..] => State::Sha256(restore(state)?),
            [FORMAT, 1, state @ ..] => State::Sha512(restore(state)?),
            _ => return Err(RestoreHasherError),
        };
        Ok(Self(state))
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

fn restore<H: SerializableState>(state: &[u8]) -> Result<H, RestoreHasherError> {
    let state = state.try_into().map_err(|_| RestoreHasherError)?;
    H::deserialize(&state).map_err(|_| RestoreHasherError)
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Hasher").field(&self.algorithm()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn refuses(text: &str, error: ParseDigestError) {
        assert_eq!(text.parse::<Digest>(), Err(error));
    }

    #[test]
    fn parses_both_algorithms() {
        let digest = Digest::of(Algorithm::Sha256, b"");
        assert_eq!(
            digest.as_str(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(digest.as_str().parse(), Ok(digest));
        let long = Digest::of(Algorithm::Sha512, b"abc");
        assert_eq!(long.hex().len(), 128);
        assert_eq!(long.algorithm(), Algorithm::Sha512);
        assert_eq!(long.as_str().parse(), Ok(long));
    }

    #[test]
    fn refuses_what_is_no_digest() {
        refuses("sha256", ParseDigestError::Format);
        refuses("md5:00", ParseDigestError::Algorithm("md5".into()));
        refuses("sha256:00", ParseDigestError::Hash("sha256", 64));
        refuses(&format!("sha256:{}", "A".repeat(64)), ParseDigestError::Hash("sha256", 64));
        refuses(&format!("sha512:{}", "a".repeat(64)), ParseDigestError::Hash("sha512", 128));
        refuses(&format!("sha256:{}/", "a".repeat(63)), ParseDigestError::Hash("sha256", 64));
    }

    #[test]
    fn refuses_damaged_state() {
        assert_eq!(Hasher::restore(&[]).unwrap_err(), RestoreHasherError);
        assert_eq!(Hasher::restore(&[9, 0, 1]).unwrap_err(), RestoreHasherError);
        assert_eq!(Hasher::restore(&[FORMAT, 0, 1]).unwrap_err(), RestoreHasherError);
    }

    proptest! {
        #[test]
        fn a_saved_state_continues(
            head in prop::collection::vec(any::<u8>(), 0..300),
            tail in prop::collection::vec(any::<u8>(), 0..300),
            long in any::<bool>(),
        ) {
            let algorithm = if long { Algorithm::Sha512 } else { Algorithm::Sha256 };
            let mut hasher = Hasher::new(algorithm);
            hasher.update(&head);
            let mut hasher = Hasher::restore(&hasher.save()).unwrap();
            hasher.update(&tail);
            prop_assert_eq!(hasher.finish(), Digest::of(algorithm, &[head, tail].concat()));
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,200}") {
            if let Ok(digest) = text.parse::<Digest>() {
                prop_assert_eq!(digest.to_string(), text);
            }
        }
    }
}
