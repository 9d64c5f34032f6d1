use bytes::Bytes;
use futures_util::{StreamExt, stream};
use uuid::Uuid;

use super::session::{Loaded, Session, Tail};
use crate::layout::blob_object;
use crate::ports::{BodyError, ByteStream, NewObject, PutError, StoreError};
use crate::registry::Push;

/// A body, of which as much was read as a part needs.
pub(super) enum Gathered {
    /// It ended before: this is all of it.
    Short(Vec<Bytes>),
    /// It is long enough for a part: this is all of it.
    Long(ByteStream),
}

impl Gathered {
    /// Whether there are no bytes.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self, Self::Short(pieces) if pieces.is_empty())
    }

    /// Returns all of the body.
    pub(super) fn into_body(self) -> ByteStream {
        match self {
            Self::Short(pieces) => stream::iter(pieces.into_iter().map(Ok)).boxed(),
            Self::Long(body) => body,
        }
    }
}

/// Reads `least` bytes of a body, if it has as many.
pub(super) async fn gather(mut body: ByteStream, least: u64) -> Result<Gathered, BodyError> {
    if least == 0 {
        return Ok(Gathered::Long(body));
    }
    let mut pieces: Vec<Bytes> = Vec::new();
    let mut length = 0;
    while length < least {
        let Some(piece) = body.next().await.transpose()? else {
            return Ok(Gathered::Short(pieces));
        };
        length += piece.len() as u64;
        if !piece.is_empty() {
            pieces.push(piece);
        }
    }
    Ok(Gathered::Long(stream::iter(pieces.into_iter().map(Ok)).chain(body).boxed()))
}

impl Push {
    /// Returns `body` behind the bytes of the session's tail.
    pub(super) async fn behind_tail(
        &self,
        session: &Session,
        body: ByteStream,
    ) -> Result<ByteStream, StoreError> {
        let Some(Tail { object, length }) = &session.tail else {
            return Ok(body);
        };
        Ok(self.objects.read(object, 0..*length).await?.chain(body).boxed())
    }

    /// Stores bytes that are too few for a part as a tail. The upload's id in the object's name
    /// lets collection find it, should this process die before the session names it.
    pub(super) fn store_tail(
        &self,
        loaded: &Loaded,
        body: ByteStream,
    ) -> impl Future<Output = Result<Tail, PutError>> + use<> {
        let object = blob_object(&loaded.repository.id, &loaded.upload, Uuid::new_v4());
        let (objects, repository) = (self.objects.clone(), loaded.repository.clone());
        async move {
            let encryption = &repository.encryption;
            let new = NewObject { key: &object, encryption, digest: None };
            let length = objects.put(new, body).await?;
            Ok(Tail { object, length })
        }
    }
}
