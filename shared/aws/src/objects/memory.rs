//! Memory for bodies on their way to S3, bounded for the whole process.
//!
//! S3 wants the length of a part before its bytes, and parts of 5 MiB at least, so that bytes
//! must be gathered. They lie in segments of 1 MiB. Each upload is first allowed some segments of
//! its own, all at once, and waits for them while it has none. Beyond these it takes what is
//! spare, and never waits for that. So an upload that has memory never waits for another upload,
//! only for its own parts to be sent: no two can block each other.
//!
//! Segments are used again: what the allocator would keep of them is not bounded.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use berth_registry::ports::{StoreError, StoreErrorKind};
use bytes::Bytes;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Length of a segment, in bytes.
pub(super) const SEGMENT: usize = 1024 * 1024;

/// The process's memory for bodies.
#[derive(Debug)]
pub(super) struct Memory {
    spare: Arc<Semaphore>,
    unused: Arc<Unused>,
}

/// Segments that were used. With those in use they are never more than there are permits.
#[derive(Default)]
struct Unused(Mutex<Vec<Vec<u8>>>);

impl Unused {
    fn take(&self) -> Vec<u8> {
        let unused = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        unused.unwrap_or_else(|| Vec::with_capacity(SEGMENT))
    }

    fn put(&self, mut bytes: Vec<u8>) {
        bytes.clear();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }
}

impl fmt::Debug for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unused")
    }
}

impl Memory {
    /// Bounds the memory to `bytes`, in whole segments, but to no less than `least` segments.
    pub(super) fn new(bytes: usize, least: u16) -> Self {
        let segments = (bytes / SEGMENT).max(least.into()).min(Semaphore::MAX_PERMITS);
        Self { spare: Arc::new(Semaphore::new(segments)), unused: Arc::default() }
    }

    /// Waits until an upload is allowed `segments` of its own.
    pub(super) async fn allow(&self, segments: u16) -> Result<Allowance, StoreError> {
        let spare = Arc::clone(&self.spare);
        let held = Arc::clone(&spare).acquire_many_owned(segments.into()).await.map_err(closed)?;
        let own = Arc::new(Semaphore::new(segments.into()));
        Ok(Allowance { own, held: Arc::new(held), spare, unused: Arc::clone(&self.unused) })
    }

    /// Returns how many segments nobody has.
    #[cfg(test)]
    pub(super) fn spare(&self) -> usize {
        self.spare.available_permits()
    }
}

/// What one upload may use.
#[derive(Debug)]
pub(super) struct Allowance {
    own: Arc<Semaphore>,
    held: Arc<OwnedSemaphorePermit>,
    spare: Arc<Semaphore>,
    unused: Arc<Unused>,
}

impl Allowance {
    /// Returns a segment, if one is there at once.
    pub(super) fn try_segment(&self) -> Option<Segment> {
        if let Ok(permit) = Arc::clone(&self.own).try_acquire_owned() {
            return Some(self.own_segment(permit));
        }
        let permit = Arc::clone(&self.spare).try_acquire_owned().ok()?;
        Some(self.new_segment(permit, None))
    }

    /// Waits for a segment of the upload's own: one of its parts that are being sent has it.
    pub(super) async fn segment(&self) -> Result<Segment, StoreError> {
        let permit = Arc::clone(&self.own).acquire_owned().await.map_err(closed)?;
        Ok(self.own_segment(permit))
    }

    fn own_segment(&self, permit: OwnedSemaphorePermit) -> Segment {
        self.new_segment(permit, Some(Arc::clone(&self.held)))
    }

    fn new_segment(
        &self,
        permit: OwnedSemaphorePermit,
        held: Option<Arc<OwnedSemaphorePermit>>,
    ) -> Segment {
        let unused = Arc::clone(&self.unused);
        Segment { bytes: unused.take(), unused, _permit: permit, _held: held }
    }
}

/// Memory that is given back when the last reader of its bytes lets go.
pub(super) struct Segment {
    bytes: Vec<u8>,
    unused: Arc<Unused>,
    /// Dropped after the bytes were given back.
    _permit: OwnedSemaphorePermit,
    /// Keeps what the upload was allowed from others while a segment of it is read.
    _held: Option<Arc<OwnedSemaphorePermit>>,
}

impl Segment {
    /// Takes bytes from the front of `piece`, as many as there is room for.
    pub(super) fn take(&mut self, piece: &mut Bytes) {
        let length = piece.len().min(SEGMENT - self.bytes.len());
        self.bytes.extend_from_slice(&piece.split_to(length));
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() == SEGMENT
    }

    /// Returns the bytes; they hold the memory.
    pub(super) fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        self.unused.put(std::mem::take(&mut self.bytes));
    }
}

impl AsRef<[u8]> for Segment {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment").field("length", &self.bytes.len()).finish_non_exhaustive()
    }
}

fn closed(error: AcquireError) -> StoreError {
    StoreError::new(StoreErrorKind::Internal, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_upload_has_its_own_and_what_is_spare() {
        let memory = Memory::new(5 * SEGMENT, 1);
        let first = memory.allow(3).await.unwrap();
        let mut segments: Vec<_> = std::iter::from_fn(|| first.try_segment()).collect();
        assert_eq!((segments.len(), memory.spare()), (5, 0));

        // Its own come back to it alone, those that were spare to everybody.
        drop(segments.remove(0).freeze());
        assert_eq!(memory.spare(), 0);
        first.segment().await.unwrap();
        drop(segments.pop());
        assert_eq!(memory.spare(), 1);
    }

    #[tokio::test]
    async fn an_allowance_ends_with_its_last_segment() {
        let memory = Memory::new(0, 2);
        let allowance = memory.allow(2).await.unwrap();
        let mut segment = allowance.try_segment().unwrap();
        segment.take(&mut Bytes::from_static(b"bytes"));
        let bytes = segment.freeze();
        drop(allowance);
        assert_eq!(memory.spare(), 0);
        let copy = bytes.clone();
        drop(bytes);
        assert_eq!(memory.spare(), 0);
        assert_eq!(copy, "bytes");
        drop(copy);
        assert_eq!(memory.spare(), 2);
    }

    #[test]
    fn a_segment_takes_what_fits() {
        let memory = Memory::new(SEGMENT, 1);
        let allow = memory.allow(1);
        let allowance = futures_util::FutureExt::now_or_never(allow).unwrap().unwrap();
        let mut segment = allowance.try_segment().unwrap();
        let mut piece = Bytes::from(vec![7; SEGMENT + 1]);
        segment.take(&mut piece);
        assert!(segment.is_full());
        assert_eq!(piece.len(), 1);
        assert_eq!(segment.freeze().len(), SEGMENT);
    }
}
