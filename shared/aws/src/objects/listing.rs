//! Listing objects.

use async_trait::async_trait;
use aws_sdk_s3::primitives::DateTime;
use berth_registry::ports::{
    ListObjects, ListedMultipart, ListedObject, Listing, MultipartId, ObjectKey, StoreError,
    Timestamp,
};

use super::{S3Objects, internal};
use crate::failure::store_error;

/// Stands between the key and the id in the place behind an upload; no key has one.
const BETWEEN: char = ' ';

#[async_trait]
impl ListObjects for S3Objects {
    async fn list(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listing<ListedObject>, StoreError> {
        let request = self.client.list_objects_v2().bucket(&self.bucket);
        let request = request.set_start_after(after.map(str::to_owned)).max_keys(count(limit));
        let answer = request.send().await.map_err(store_error)?;
        let mut entries = Vec::new();
        for object in answer.contents() {
            let key = object.key().ok_or_else(|| internal("S3 listed an object without a key"))?;
            let size = object.size().and_then(|size| u64::try_from(size).ok());
            entries.push(ListedObject {
                key: ObjectKey::new(key.to_owned()),
                size: size.ok_or_else(|| internal("S3 listed an object without a size"))?,
                modified_at: moment(object.last_modified())?,
            });
        }
        let next = entries.last().filter(|_| answer.is_truncated() == Some(true));
        let next = next.map(|last| last.key.as_str().to_owned());
        Ok(Listing { entries, next })
    }

    async fn list_multiparts(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listing<ListedMultipart>, StoreError> {
        let (key, id) = after.and_then(|after| after.split_once(BETWEEN)).unzip();
        let request = self.client.list_multipart_uploads().bucket(&self.bucket);
        let request = request
            .set_key_marker(key.map(str::to_owned))
            .set_upload_id_marker(id.map(str::to_owned))
            .max_uploads(count(limit));
        let answer = request.send().await.map_err(store_error)?;
        let mut entries = Vec::new();
        for upload in answer.uploads() {
            let (Some(key), Some(id)) = (upload.key(), upload.upload_id()) else {
                return Err(internal("S3 listed an upload without a key or an id"));
            };
            entries.push(ListedMultipart {
                key: ObjectKey::new(key.to_owned()),
                id: MultipartId(id.to_owned()),
                modified_at: moment(upload.initiated())?,
            });
        }
        let next = entries.last().filter(|_| answer.is_truncated() == Some(true));
        let next = next.map(|last| format!("{}{BETWEEN}{}", last.key.as_str(), last.id.0));
        Ok(Listing { entries, next })
    }
}

fn count(limit: usize) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX)
}

fn moment(moment: Option<&DateTime>) -> Result<Timestamp, StoreError> {
    let millis = moment.and_then(|moment| moment.to_millis().ok());
    let millis = millis.and_then(|millis| u64::try_from(millis).ok());
    millis.map(Timestamp::from_millis).ok_or_else(|| internal("S3 listed no time"))
}
