use berth_registry::ports::{BodyError, ByteStream, FileRegion};
use bytes::{Bytes, BytesMut};
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
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(|error| OciError::BodyCutOff(error.to_string()))?;
        if first.len() + rest.len() + piece.len() > most {
            return Err(OciError::BodyTooLarge { most });
        }
        match (first.is_empty(), rest.is_empty()) {
            (true, true) => first = piece,
            _ => {
                if rest.is_empty() {
                    rest = BytesMut::from(std::mem::take(&mut first).as_ref());
                }
                rest.extend_from_slice(&piece);
            }
        }
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}
