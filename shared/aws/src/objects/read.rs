//! Reads an object as a stream, and goes on where a connection was lost.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream as SdkStream;
use berth_registry::ports::{BodyError, ByteRange, ByteStream, StoreError, StoreErrorKind};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use crate::failure::store_error;

/// The longest piece, in bytes.
const PIECE: usize = 1024 * 1024;

/// How many times in a row a read is taken up again without a byte arriving.
const RESUMPTIONS: u32 = 3;

/// A read that is under way.
pub(super) struct Reading {
    client: Client,
    bucket: String,
    key: String,
    range: ByteRange,
    body: SdkStream,
    /// Names the object's bytes, so that a read goes on with the same.
    etag: Option<String>,
    piece: Bytes,
    resumptions: u32,
}

/// Begins to read `range`, which is not empty.
pub(super) async fn begin(
    client: &Client,
    bucket: &str,
    key: &str,
    range: ByteRange,
) -> Result<ByteStream, StoreError> {
    let mut reading = Reading {
        client: client.clone(),
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        range,
        body: SdkStream::default(),
        etag: None,
        piece: Bytes::new(),
        resumptions: 0,
    };
    reading.open().await?;
    Ok(stream::try_unfold(reading, Reading::next).boxed())
}

impl Reading {
    /// Asks for what is left of the range.
    async fn open(&mut self) -> Result<(), StoreError> {
        let ByteRange { start, end } = self.range;
        let request = self.client.get_object().bucket(&self.bucket).key(&self.key);
        let request = request.range(format!("bytes={start}-{}", end - 1));
        let answer = request.set_if_match(self.etag.clone()).send().await.map_err(store_error)?;
        let length = answer.content_length.and_then(|length| u64::try_from(length).ok());
        if length != Some(end - start) {
            return Err(StoreError::new(StoreErrorKind::Damaged, "an object is too short"));
        }
        self.etag = answer.e_tag;
        self.body = answer.body;
        Ok(())
    }

    async fn next(mut self) -> Result<Option<(Bytes, Self)>, BodyError> {
        while self.piece.is_empty() {
            if self.range.is_empty() {
                return Ok(None);
            }
            match self.body.next().await {
                Some(Ok(piece)) if piece.is_empty() => {}
                Some(Ok(piece)) => {
                    self.resumptions = 0;
                    self.range.start += piece.len() as u64;
                    self.piece = piece;
                }
                Some(Err(error)) => self.resume(error).await?,
                None => self.resume("the body ended early").await?,
            }
        }
        let piece = self.piece.split_to(self.piece.len().min(PIECE));
        Ok(Some((piece, self)))
    }

    async fn resume(
        &mut self,
        reason: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Result<(), StoreError> {
        if self.resumptions == RESUMPTIONS {
            return Err(StoreError::new(StoreErrorKind::Unavailable, reason));
        }
        self.resumptions += 1;
        self.open().await
    }
}
