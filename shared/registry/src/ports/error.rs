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
    /// Anything else.
    #[error("store failed")]
    Internal,
}

impl StoreError {
    /// Makes an error of `kind`, caused by `source`.
    pub fn new(kind: StoreErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}
