use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use berth_registry::RegistryError;
use berth_registry::ports::{BodyError, ByteStream, FileRegion};
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;

use crate::error::OciError;

/// Body of a request, as it arrives.
pub type RequestBody = UnsyncBoxBody<Bytes, BodyError>;

/// Body of a response. Its length is known, and stands in `Content-Length`.
#[derive(Clone, Debug)]
pub enum ResponseBody {
    /// These bytes; none for an answer to HEAD.
    Bytes(Bytes),
    /// Part of a file, which the server sends as it can best.
    File(FileRegion),
}

impl ResponseBody {
    /// Returns an empty body.
    #[must_use]
    pub fn empty() -> Self {
        Self::Bytes(Bytes::new())
    }
}

/// Turns a body into the stream that the use cases read.
pub(crate) fn stream(body: RequestBody) -> ByteStream {
    body.into_data_stream().boxed()
}

/// The most bytes that one request may bring, if there is a limit, and whether a body had more.
#[derive(Debug)]
pub(crate) struct Limit {
    most: Option<u64>,
    exceeded: Arc<AtomicBool>,
}

impl Limit {
    pub(crate) fn new(most: Option<u64>) -> Self {
        Self { most, exceeded: Arc::default() }
    }

    /// Refuses a body whose headers say that it is longer.
    pub(crate) fn must_hold(&self, announced: Option<u64>) -> Result<(), OciError> {
        match (self.most, announced) {
            (Some(most), Some(announced)) if announced > most => {
                Err(OciError::ChunkTooLarge { most })
            }
            _ => Ok(()),
        }
    }

    /// Refuses a body as soon as it turns out longer.
    pub(crate) fn watch(&self, body: ByteStream) -> ByteStream {
        let Some(most) = self.most else { return body };
        let exceeded = Arc::clone(&self.exceeded);
        let mut left = most;
        body.map(move |piece| {
            let piece = piece?;
            let length = piece.len() as u64;
            if length > left {
                exceeded.store(true, Ordering::Release);
                return Err(BodyError::Refused);
            }
            left -= length;
            Ok(piece)
        })
        .boxed()
    }

    /// Says why a use case failed to take the body.
    pub(crate) fn explain(&self, error: RegistryError) -> OciError {
        match self.most {
            Some(most) if self.exceeded.load(Ordering::Acquire) => OciError::ChunkTooLarge { most },
            _ => error.into(),
        }
    }
}

/// Reads a body that must not be longer than `most` bytes.
pub(crate) async fn collect(body: RequestBody, most: usize) -> Result<Bytes, OciError> {
    let mut stream = body.into_data_stream();
    let mut pieces: Vec<Bytes> = Vec::new();
    let mut length = 0;
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|error| OciError::BodyCutOff(error.to_string()))?;
        length += piece.len();
        if length > most {
            return Err(OciError::BodyTooLarge { most });
        }
        pieces.push(piece);
    }
    // A body of one piece, as most manifests are, needs no copy.
    Ok(match pieces.as_mut_slice() {
        [whole] => std::mem::take(whole),
        pieces => pieces.concat().into(),
    })
}
