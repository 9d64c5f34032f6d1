//! Hashing a body while it passes to the store.

use std::sync::{Arc, Mutex, PoisonError};

use berth_types::Hasher;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::task::JoinHandle;

use crate::error::RegistryError;
use crate::ports::{BodyError, ByteStream};

/// Bytes that are hashed at once on a thread of their own; a smaller body is hashed in place.
const BATCH: usize = 512 * 1024;

/// Largest rest that is hashed in place: some 50 µs.
const IN_PLACE: usize = 64 * 1024;

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

/// Returns a stream of the same bytes that hashes them on the way, one batch behind, and the
/// place where it leaves the result. At most two batches are held.
pub(super) fn hashing(body: ByteStream, hasher: Hasher, judge: Judge) -> (ByteStream, Outcome) {
    let outcome = Outcome::default();
    let passage = Passage {
        body,
        waiting: Waiting::default(),
        work: Work::Idle(Box::new(hasher)),
        length: 0,
        judge: Some(judge),
        outcome: outcome.clone(),
    };
    let stream = stream::unfold(Some(passage), |passage| async {
        let mut passage = passage?;
        match passage.next().await {
            Some(Ok(bytes)) => Some((Ok(bytes), Some(passage))),
            Some(Err(error)) => Some((Err(error), None)),
            None => None,
        }
    });
    (stream.boxed(), outcome)
}

struct Passage {
    body: ByteStream,
    waiting: Waiting,
    work: Work,
    length: u64,
    judge: Option<Judge>,
    outcome: Outcome,
}

/// Bytes that passed and are not yet hashed.
#[derive(Default)]
struct Waiting {
    pieces: Vec<Bytes>,
    length: usize,
}

/// Who holds the hasher.
enum Work {
    Idle(Box<Hasher>),
    Busy(JoinHandle<Box<Hasher>>),
    Lost,
}

impl Passage {
    async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        match self.body.next().await {
            Some(Ok(bytes)) => Some(self.pass(bytes).await),
            Some(Err(error)) => Some(Err(error)),
            None => self.end().await.err().map(Err),
        }
    }

    async fn pass(&mut self, bytes: Bytes) -> Result<Bytes, BodyError> {
        self.length += bytes.len() as u64;
        self.waiting.length += bytes.len();
        self.waiting.pieces.push(bytes.clone());
        if self.waiting.length >= BATCH {
            let mut hasher = self.hasher().await?;
            let batch = std::mem::take(&mut self.waiting).pieces;
            self.work = Work::Busy(tokio::task::spawn_blocking(move || {
                hash(&mut hasher, &batch);
                hasher
            }));
        }
        Ok(bytes)
    }

    async fn end(&mut self) -> Result<(), BodyError> {
        let mut hasher = self.hasher().await?;
        let rest = std::mem::take(&mut self.waiting);
        let work = move || {
            hash(&mut hasher, &rest.pieces);
            *hasher
        };
        let hasher = match rest_is_small(self.length) {
            true => work(),
            false => tokio::task::spawn_blocking(work).await.map_err(|error| lost(&error))?,
        };
        let passed = Passed { hasher, length: self.length };
        let verdict = self.judge.take().map_or(Ok(()), |judge| judge(&passed));
        let refused = verdict.is_err();
        self.outcome.set(verdict.map(|()| passed));
        if refused { Err(BodyError::Refused) } else { Ok(()) }
    }

    /// Takes the hasher back, when the batch before is done.
    async fn hasher(&mut self) -> Result<Box<Hasher>, BodyError> {
        match std::mem::replace(&mut self.work, Work::Lost) {
            Work::Idle(hasher) => Ok(hasher),
            Work::Busy(handle) => handle.await.map_err(|error| lost(&error)),
            Work::Lost => Err(BodyError::CutOff("its hash was lost".to_owned())),
        }
    }
}

fn hash(hasher: &mut Hasher, pieces: &[Bytes]) {
    for piece in pieces {
        hasher.update(piece);
    }
}

fn rest_is_small(length: u64) -> bool {
    length <= IN_PLACE as u64
}

fn lost(error: &tokio::task::JoinError) -> BodyError {
    BodyError::CutOff(error.to_string())
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
        for pieces in
            [&[][..], &[1], &[IN_PLACE, 1], &[BATCH], &[BATCH - 1, 2, BATCH, 3 * BATCH, 5]]
        {
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
