//! Copies that S3 makes by itself: out of another bucket, maybe of another region or account, or onto
//! the object itself, in another storage class.

use aws_sdk_s3::types::{StorageClass, TaggingDirective};
use berth_registry::ports::{
    CopySource, MOST_PARTS, MultipartId, NewObject, ObjectKey, PartTag, StoreError, StoreErrorKind,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::client::time_to_send;
use super::encryption::Settings;
use super::parts::Part;
use super::{CONTENT_TYPE, S3Objects};
use crate::failure::store_error;

/// The largest object that one request copies, unless it is set. S3 takes 5 GiB; parts are copied
/// side by side, and one that fails is repeated alone.
pub(super) const WHOLE: u64 = 512 * 1024 * 1024;

/// How many parts an object has at least that is copied in parts.
const FEWEST_PARTS: u64 = 4;

/// How many parts of one object are copied at a time.
const PARTS_IN_FLIGHT: usize = 8;

/// An object that is copied.
pub(super) struct From {
    /// Its bucket and name, as requests name it.
    name: String,
    size: u64,
}

impl From {
    /// Takes the object of a bucket. Names of objects have no character that a URL encodes.
    pub(super) fn new(from: &CopySource, size: u64) -> Result<Self, StoreError> {
        let bucket = from.store.to_str();
        let bucket = bucket.ok_or_else(|| internal("a bucket's name is no text"))?;
        Ok(Self { name: format!("{bucket}/{}", from.key.as_str()), size })
    }

    /// Returns the first byte and the length of each part. `whole` is the largest object that would
    /// be copied whole.
    fn parts(&self, whole: u64) -> impl Iterator<Item = (u64, u64)> + use<> {
        let (size, length) = (self.size, part_length(self.size, whole));
        (0..size.div_ceil(length)).map(move |part| {
            let begin = part * length;
            (begin, length.min(size - begin))
        })
    }
}

/// Returns how long the parts of an object of `size` bytes are, so that there are not too many.
fn part_length(size: u64, whole: u64) -> u64 {
    size.div_ceil(u64::from(MOST_PARTS)).max(whole / FEWEST_PARTS)
}

impl S3Objects {
    /// Copies an object, whole or in parts, into a storage class.
    pub(super) async fn copy_into(
        &self,
        object: NewObject<'_>,
        from: &From,
        class: StorageClass,
    ) -> Result<(), StoreError> {
        if from.size <= self.copied_whole {
            self.copy_whole(object, from, class).await
        } else {
            self.copy_in_parts(object, from, class).await
        }
    }

    /// Copies an object by one request.
    async fn copy_whole(
        &self,
        object: NewObject<'_>,
        from: &From,
        class: StorageClass,
    ) -> Result<(), StoreError> {
        let Settings { algorithm, key, bucket_key } = self.encryption(object.encryption);
        let request = self.client.copy_object().bucket(&self.bucket).key(object.key.as_str());
        let request = request
            .copy_source(&from.name)
            .content_type(CONTENT_TYPE)
            // What the source's owner calls its objects is not copied.
            .tagging_directive(TaggingDirective::Replace)
            // Named even if it is the usual one: not every S3 leaves that of the source.
            .storage_class(class)
            .server_side_encryption(algorithm)
            .set_ssekms_key_id(key)
            .set_bucket_key_enabled(bucket_key);
        let settings = time_to_send(&self.client, from.size);
        let request = request.customize().config_override(settings);
        request.send().await.map_err(store_error)?;
        Ok(())
    }

    /// Copies an object part by part. One that can't be ended is given up.
    async fn copy_in_parts(
        &self,
        object: NewObject<'_>,
        from: &From,
        class: StorageClass,
    ) -> Result<(), StoreError> {
        let multipart = self.begin_in(object, class).await?;
        let result = self.copy_all_parts(object.key, &multipart, from).await;
        if result.is_err()
            && let Err(error) = self.abort(object.key, &multipart).await
        {
            tracing::warn!(%error, "a copy could not be given up; the bucket's rule will do it");
        }
        result
    }

    async fn copy_all_parts(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
        from: &From,
    ) -> Result<(), StoreError> {
        let copy = |(number, (begin, length))| async move {
            self.copy_part(key, multipart, number, from, begin, length).await
        };
        let parts = stream::iter((1..).zip(from.parts(self.copied_whole))).map(copy);
        let tags: Vec<PartTag> = parts.buffered(PARTS_IN_FLIGHT).try_collect().await?;
        self.complete(key, multipart, &tags, from.size).await
    }

    async fn copy_part(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
        number: i32,
        from: &From,
        begin: u64,
        length: u64,
    ) -> Result<PartTag, StoreError> {
        let request = self.client.upload_part_copy().bucket(&self.bucket).key(key.as_str());
        let request = request
            .upload_id(&multipart.0)
            .part_number(number)
            .copy_source(&from.name)
            .copy_source_range(format!("bytes={begin}-{}", begin + length - 1));
        let settings = time_to_send(&self.client, length);
        let answer = request.customize().config_override(settings).send().await;
        let result = answer.map_err(store_error)?.copy_part_result;
        let result = result.ok_or_else(|| internal("S3 said nothing of a part that it copied"))?;
        let crc32 = result.checksum_crc32;
        let etag = result.e_tag.ok_or_else(|| internal("S3 gave a part no tag"))?;
        Ok(Part { crc32: crc32.unwrap_or_default(), length, etag }.tag())
    }
}

fn internal(reason: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Internal, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_object() {
        for size in [WHOLE + 1, 5 << 30, 100 << 30, 48 << 40] {
            let store = "other".into();
            let from = CopySource { store, key: ObjectKey::new("blobs/a".to_owned()) };
            let from = From::new(&from, size).unwrap();
            assert_eq!(from.name, "other/blobs/a");
            let mut next = 0;
            let mut count = 0;
            for (begin, length) in from.parts(WHOLE) {
                assert_eq!(begin, next);
                assert!(length > 0 && length <= 5 << 30);
                next += length;
                count += 1;
            }
            assert_eq!(next, size);
            assert!(count <= MOST_PARTS, "{count} parts of {size} bytes");
        }
    }
}
