//! Gathers a body into what S3 takes: a whole object, or parts.

use berth_registry::ports::{ByteStream, PutError};
use bytes::Bytes;
use futures_util::StreamExt as _;

use super::memory::{Allowance, Segment};
use super::payload::Payload;

/// The longest body that is put in one request, in segments: 16 MiB.
pub(super) const WHOLE: u16 = 16;

/// Length of a part, in segments: 16 MiB.
pub(super) const PART: u16 = 16;

/// The least length of a part that others follow, in segments: 5 MiB, as in S3.
pub(super) const SMALLEST_PART: u16 = 5;

/// What an upload in parts needs of its own: a part of the smallest length, and what must be
/// known to follow it.
pub(super) const LEAST: u16 = 2 * SMALLEST_PART;

/// A body, and the segments that are filled from it.
pub(super) struct Gatherer {
    body: ByteStream,
    /// What has no place yet of the piece that came last.
    piece: Bytes,
    allowance: Allowance,
    filled: Payload,
    /// Number of segments in `filled`: full ones, but for the body's last.
    count: u16,
    is_at_end: bool,
}

impl Gatherer {
    pub(super) fn new(body: ByteStream, allowance: Allowance) -> Self {
        let (piece, filled) = (Bytes::new(), Payload::default());
        Self { body, piece, allowance, filled, count: 0, is_at_end: false }
    }

    /// Returns the body, if it is short enough for one request. Otherwise what was gathered
    /// stays for [`next_part`](Self::next_part).
    pub(super) async fn whole(&mut self) -> Result<Option<Payload>, PutError> {
        self.fill(WHOLE).await?;
        self.look_ahead().await?;
        match self.is_at_end {
            true => Ok(Some(std::mem::take(&mut self.filled))),
            false => Ok(None),
        }
    }

    /// Returns the next part; `None` at the end. Every part but the body's last has at least
    /// [`SMALLEST_PART`] segments, and the last as well if the body has.
    pub(super) async fn next_part(&mut self) -> Result<Option<Payload>, PutError> {
        self.fill(PART + SMALLEST_PART).await?;
        let count = match self.is_at_end {
            true => self.count,
            false => PART.min(self.count - SMALLEST_PART),
        };
        self.count -= count;
        Ok(Some(self.filled.split_to(count.into())).filter(|_| count > 0))
    }

    /// Fills segments until there are `most`, or the body ends. If memory is short, it is content
    /// with [`LEAST`].
    async fn fill(&mut self, most: u16) -> Result<(), PutError> {
        while self.count < most && self.look_ahead().await? {
            let segment = match self.allowance.try_segment() {
                Some(segment) => segment,
                None if self.count >= LEAST => return Ok(()),
                None => self.allowance.segment().await?,
            };
            let segment = self.fill_segment(segment).await?;
            self.filled.push(segment);
            self.count += 1;
        }
        Ok(())
    }

    async fn fill_segment(&mut self, mut segment: Segment) -> Result<Bytes, PutError> {
        while !segment.is_full() && self.look_ahead().await? {
            segment.take(&mut self.piece);
        }
        Ok(segment.freeze())
    }

    /// Makes sure that there is a piece that is not empty; `false` at the body's end.
    async fn look_ahead(&mut self) -> Result<bool, PutError> {
        while self.piece.is_empty() && !self.is_at_end {
            match self.body.next().await {
                Some(piece) => self.piece = piece?,
                None => self.is_at_end = true,
            }
        }
        Ok(!self.piece.is_empty())
    }
}
