//! Hashing a body while it passes to the store.

use std::sync::{Arc, Mutex, PoisonError};

use berth_types::Hasher;
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::error::RegistryError;
use crate::ports::{BodyError, ByteStream};

/// Bytes that are hashed without a pause: some 200 µs. Handing them to another thread would cost
/// the processor more than it frees, and pieces from the network are smaller.
const AT_ONCE: usize = 256 * 1024;

/// What is known of a body after it has passed.
#[derive(Debug)]
pub(super) struct Passed {
    /// Hash of everything up to the body's end.
    pub(super) hasher: Hasher,
    /// Length of the body, in bytes.
    pub(super) length: u64,
}

/// Judges a body at its end; a refusal makes the store drop it.
pub(super) type Judge = Box<dyn FnOnce(&Passed) -> Result<(), RegistryError> + Send>;

/// Where a [`hashing`] stream leaves its result.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome(Arc<Mutex<Option<Result<Passed, RegistryError>>>>);

impl Outcome {
    fn set(&self, result: Result<Passed, RegistryError>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    }

    /// Returns what the stream left; `None` if it did not come to its end.
    pub(super) fn take(&self) -> Option<Result<Passed, RegistryError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Returns a stream of the same bytes that hashes them on the way, and the place where it leaves
/// the result.
pub(super) fn hashing(body: ByteStream, hasher: Hasher, judge: Judge) -> (ByteStream, Outcome) {
    let outcome = Outcome::default();
    let passed = Passed { hasher, length: 0 };
    let passage = Passage { body, passed, judge, outcome: outcome.clone() };
    let stream = stream::unfold(Some(passage), |passage| async {
        let mut passage = passage?;
        match passage.body.next().await {
            Some(Ok(bytes)) => {
                passage.hash(&bytes).await;
                Some((Ok(bytes), Some(passage)))
            }
            Some(Err(error)) => Some((Err(error), None)),
            None => passage.end().err().map(|error| (Err(error), None)),
        }
    });
    (stream.boxed(), outcome)
}

struct Passage {
    body: ByteStream,
    passed: Passed,
    judge: Judge,
    outcome: Outcome,
}

impl Passage {
    async fn hash(&mut self, bytes: &Bytes) {
        self.passed.length += bytes.len() as u64;
        let mut parts = bytes.chunks(AT_ONCE).peekable();
        while let Some(part) = parts.next() {
            self.passed.hasher.update(part);
            if parts.peek().is_some() {
                tokio::task::yield_now().await;
            }
        }
    }

    fn end(self) -> Result<(), BodyError> {
        let verdict = (self.judge)(&self.passed);
        let refused = verdict.is_err();
        self.outcome.set(verdict.map(|()| self.passed));
        if refused { Err(BodyError::Refused) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use berth_types::{Algorithm, Digest};

    async fn pass(pieces: &[usize]) -> (usize, Passed) {
        let pieces: Vec<_> = pieces.iter().map(|n| Ok(Bytes::from(vec![7; *n]))).collect();
        let judge: Judge = Box::new(|_| Ok(()));
        let body = stream::iter(pieces).boxed();
        let (stream, outcome) = hashing(body, Hasher::new(Algorithm::Sha256), judge);
        let passed: usize =
            stream.map(|piece| piece.unwrap().len()).collect::<Vec<_>>().await.iter().sum();
        (passed, outcome.take().unwrap().unwrap())
    }

    #[tokio::test]
    async fn hashes_bodies_of_all_sizes() {
        for pieces in [&[][..], &[1], &[AT_ONCE, 1], &[AT_ONCE - 1, 2, 3 * AT_ONCE + 5, 0]] {
            let length: usize = pieces.iter().sum();
            let (through, passed) = pass(pieces).await;
            assert_eq!((through, passed.length), (length, length as u64));
            assert_eq!(passed.hasher.finish(), Digest::of(Algorithm::Sha256, &vec![7; length]));
        }
    }

    #[tokio::test]
    async fn a_refusal_is_the_streams_last_word() {
        let judge: Judge = Box::new(|passed| {
            Err(RegistryError::SizeMismatch { expected: 5, actual: passed.length })
        });
        let body = stream::iter([Ok(Bytes::from_static(b"abc"))]).boxed();
        let (stream, outcome) = hashing(body, Hasher::new(Algorithm::Sha256), judge);
        let pieces: Vec<_> = stream.collect().await;
        assert!(matches!(pieces.as_slice(), [Ok(_), Err(BodyError::Refused)]));
        let refusal = outcome.take().unwrap().unwrap_err();
        assert!(matches!(refusal, RegistryError::SizeMismatch { expected: 5, actual: 3 }));
    }

    #[tokio::test]
    async fn a_cut_off_body_has_no_outcome() {
        let cut = Err(BodyError::CutOff("gone".into()));
        let body = stream::iter([Ok(Bytes::from_static(b"abc")), cut]).boxed();
        let (stream, outcome) = hashing(body, Hasher::new(Algorithm::Sha256), Box::new(|_| Ok(())));
        assert_eq!(stream.count().await, 2);
        assert!(outcome.take().is_none());
    }
}
