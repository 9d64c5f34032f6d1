use std::error::Error;

/// Error of a store, sorted by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
#[error("{kind}: {source}")]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Box<dyn Error + Send + Sync>,
}

/// What went wrong in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreErrorKind {
    /// Nothing is under that key.
    #[error("not found")]
    NotFound,
    /// There is no room left; what was stored before is whole.
    #[error("store is full")]
    Full,
    /// The store can't answer now; the same call may succeed later.
    #[error("store is unavailable")]
    Unavailable,
    /// What is stored can't be read as what it should be.
    #[error("stored data is damaged")]
    Damaged,
    /// The KMS key that is to encrypt or to decrypt can't be used, which its owner can mend;
    /// [`StoreError::key_refusal`] says more.
    #[error("the KMS key can't be used")]
    KeyRefused,
    /// Anything else.
    #[error("store failed")]
    Internal,
}

/// Why a KMS key can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct KeyRefusal {
    /// KMS's error code, such as `DisabledException`.
    pub code: String,
    /// What a client is told.
    pub message: String,
}

impl StoreError {
    /// Makes an error of `kind`, caused by `source`.
    pub fn new(kind: StoreErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }

    /// Makes the error of a KMS key that can't be used.
    #[must_use]
    pub fn key_refused(code: impl Into<String>, message: impl Into<String>) -> Self {
        let refusal = KeyRefusal { code: code.into(), message: message.into() };
        Self::new(StoreErrorKind::KeyRefused, refusal)
    }

    /// Returns why the KMS key can't be used, if that is what went wrong.
    #[must_use]
    pub fn key_refusal(&self) -> Option<&KeyRefusal> {
        self.source.downcast_ref()
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}
