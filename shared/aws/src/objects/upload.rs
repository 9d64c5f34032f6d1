//! Sends a body in parts, several at a time.

use berth_registry::ports::{
    MOST_PARTS, MultipartId, ObjectKey, PartTag, PutError, StoreError, StoreErrorKind,
};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::S3Objects;
use super::client::time_to_send;
use super::gather::Gatherer;
use super::parts::Part;
use super::payload::Payload;
use crate::failure::store_error;

/// How many parts of one body are sent at a time.
const PARTS_IN_FLIGHT: usize = 4;

/// An upload in parts.
pub(super) struct Upload<'a> {
    pub(super) objects: &'a S3Objects,
    pub(super) key: &'a ObjectKey,
    pub(super) multipart: &'a MultipartId,
}

/// A part that is stored: its number, for the order, and its tag.
type Sent = (u32, PartTag);

impl Upload<'_> {
    /// Sends what `gatherer` gathers, in parts from `number`, and returns their tags. If it
    /// fails, the parts that are under way end first, so that none arrives later and takes the
    /// place of the one that replaces it.
    pub(super) async fn send(
        &self,
        number: u32,
        mut gatherer: Gatherer,
    ) -> Result<Vec<PartTag>, PutError> {
        let mut sending = FuturesUnordered::new();
        let mut sent = Vec::new();
        let mut next = number;
        let result = loop {
            let gathering = gatherer.next_part();
            tokio::pin!(gathering);
            let part = loop {
                tokio::select! {
                    part = &mut gathering => break part,
                    Some(result) = sending.next() => match result {
                        Ok(part) => sent.push(part),
                        Err(error) => break Err(PutError::Store(error)),
                    },
                }
            };
            match part {
                Ok(Some(part)) if next <= MOST_PARTS => sending.push(self.send_part(next, part)),
                Ok(Some(_)) => break Err(too_many()),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            next += 1;
            if sending.len() == PARTS_IN_FLIGHT
                && let Some(result) = sending.next().await
            {
                match result {
                    Ok(part) => sent.push(part),
                    Err(error) => break Err(PutError::Store(error)),
                }
            }
        };
        let rest: Vec<Result<Sent, StoreError>> = sending.collect().await;
        result?;
        for part in rest {
            sent.push(part?);
        }
        sent.sort_by_key(|(number, _)| *number);
        Ok(sent.into_iter().map(|(_, tag)| tag).collect())
    }

    /// Stores one part.
    pub(super) async fn send_part(&self, number: u32, part: Payload) -> Result<Sent, StoreError> {
        let (length, crc32) = (part.length(), part.crc32().await);
        let request = self.objects.client.upload_part().bucket(&self.objects.bucket);
        let answer = request
            .key(self.key.as_str())
            .upload_id(&self.multipart.0)
            .part_number(i32::try_from(number).unwrap_or(i32::MAX))
            .checksum_crc32(&crc32)
            .body(part.body())
            .customize()
            .config_override(time_to_send(&self.objects.client, length))
            .send()
            .await
            .map_err(store_error)?;
        let Some(etag) = answer.e_tag else {
            return Err(StoreError::new(StoreErrorKind::Internal, "S3 gave a part no ETag"));
        };
        Ok((number, Part { crc32, length, etag }.tag()))
    }
}

fn too_many() -> PutError {
    let text = format!("an object has at most {MOST_PARTS} parts");
    PutError::Store(StoreError::new(StoreErrorKind::Full, text))
}
