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
