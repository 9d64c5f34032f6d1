//! The bytes of one request to S3: a whole object, or one part.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use crc_fast::{CrcAlgorithm, checksum, checksum_combine};
use http_body::{Body, Frame, SizeHint};

/// Bytes that were gathered, and that a retry of the request sends again.
#[derive(Clone, Debug, Default)]
pub(super) struct Payload {
    segments: VecDeque<Bytes>,
}

impl Payload {
    pub(super) fn push(&mut self, segment: Bytes) {
        self.segments.push_back(segment);
    }

    /// Takes the first `count` segments away.
    pub(super) fn split_to(&mut self, count: usize) -> Self {
        let rest = self.segments.split_off(count.min(self.segments.len()));
        Self { segments: std::mem::replace(&mut self.segments, rest) }
    }

    /// Returns the length in bytes.
    pub(super) fn length(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len() as u64).sum()
    }

    /// Returns the CRC-32 in base64, as S3 writes it. It yields between segments, so that no
    /// other task waits for long.
    pub(super) async fn crc32(&self) -> String {
        let mut sum = checksum(CRC32, &[]);
        for segment in &self.segments {
            let next = checksum(CRC32, segment);
            sum = checksum_combine(CRC32, sum, next, segment.len() as u64);
            tokio::task::yield_now().await;
        }
        // The algorithm has 32 bits; the crate returns all in 64.
        let [_, _, _, _, crc @ ..] = sum.to_be_bytes();
        STANDARD.encode(crc)
    }

    /// Returns the bytes as a request's body, of a length that is known and for as many tries as
    /// it takes.
    pub(super) fn body(&self) -> ByteStream {
        let payload = self.clone();
        let body = move || SdkBody::from_body_1_x(Segments::new(payload.clone()));
        ByteStream::new(SdkBody::retryable(body))
    }
}

const CRC32: CrcAlgorithm = CrcAlgorithm::Crc32IsoHdlc;

struct Segments {
    payload: Payload,
    left: u64,
}

impl Segments {
    fn new(payload: Payload) -> Self {
        let left = payload.length();
        Self { payload, left }
    }
}

impl Body for Segments {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(segment) = self.payload.segments.pop_front() else { return Poll::Ready(None) };
        self.left -= segment.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(segment))))
    }

    fn is_end_stream(&self) -> bool {
        self.payload.segments.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(segments: &[&'static [u8]]) -> Payload {
        Payload { segments: segments.iter().map(|bytes| Bytes::from_static(bytes)).collect() }
    }

    #[tokio::test]
    async fn crc32_is_of_all_bytes() {
        // The check value of the catalogue: 0xcbf43926 of the digits 1 to 9.
        assert_eq!(payload(&[b"123456789"]).crc32().await, "y/Q5Jg==");
        assert_eq!(payload(&[b"1234", b"", b"56789"]).crc32().await, "y/Q5Jg==");
        assert_eq!(payload(&[]).crc32().await, "AAAAAA==");
    }

    #[tokio::test]
    async fn bodies_can_be_sent_again() {
        let payload = payload(&[b"ab", b"cde"]);
        let first = payload.body().into_inner();
        let second = first.try_clone().unwrap();
        for body in [first, second] {
            assert_eq!(body.content_length(), Some(5));
            let bytes = ByteStream::new(body).collect().await.unwrap().into_bytes();
            assert_eq!(bytes, "abcde");
        }
    }

    #[test]
    fn the_front_can_be_split_off() {
        let mut rest = payload(&[b"a", b"bc", b"d"]);
        let front = rest.split_to(2);
        assert_eq!((front.length(), rest.length()), (3, 1));
        assert_eq!(rest.split_to(7).length(), 1);
        assert_eq!(rest.length(), 0);
    }
}
