//! Storage classes: an object is moved by a copy onto itself.

use async_trait::async_trait;
use aws_sdk_s3::types::{MetadataDirective, StorageClass as S3Class};
use berth_registry::ports::{
    MOST_PARTS, MoveObjects, MultipartId, NewObject, PartTag, StorageClass, StoreError,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::client::time_to_send;
use super::encryption::Settings;
use super::parts::Part;
use super::{S3Objects, internal};
use crate::failure::store_error;

/// The class of what is archived: read at once, at a quarter of the price of the usual class, for
/// ninety days at least.
const ARCHIVE: S3Class = S3Class::GlacierIr;

/// The smallest object that is archived: S3 charges a smaller one as if it had this size, and so
/// keeps it at a lower price where it is.
const SMALLEST_ARCHIVED: u64 = 128 * 1024;

/// The largest object that is moved by one request. S3 takes 5 GiB; parts are copied side by side.
const WHOLE: u64 = 512 * 1024 * 1024;

/// The least length of a part.
const PART: u64 = 128 * 1024 * 1024;

/// How many parts of one object are copied at a time.
const PARTS_IN_FLIGHT: usize = 8;

#[async_trait]
impl MoveObjects for S3Objects {
    async fn move_to(
        &self,
        object: NewObject<'_>,
        size: u64,
        class: StorageClass,
    ) -> Result<(), StoreError> {
        let wanted = match class {
            StorageClass::Archive if size >= SMALLEST_ARCHIVED => ARCHIVE,
            StorageClass::Archive | StorageClass::Standard => S3Class::Standard,
        };
        let request = self.client.head_object().bucket(&self.bucket).key(object.key.as_str());
        let found = request.send().await.map_err(store_error)?.storage_class;
        // S3 does not name the usual class.
        if found.unwrap_or(S3Class::Standard) == wanted {
            return Ok(());
        }
        match size {
            ..=WHOLE => self.move_whole(object, size, wanted).await,
            _ => self.move_in_parts(object, size, wanted).await,
        }
    }
}

impl S3Objects {
    async fn move_whole(
        &self,
        object: NewObject<'_>,
        size: u64,
        class: S3Class,
    ) -> Result<(), StoreError> {
        let Settings { algorithm, key, bucket_key } = self.encryption(object.encryption);
        let request = self.client.copy_object().bucket(&self.bucket).key(object.key.as_str());
        let request = request
            .copy_source(self.own_source(object))
            .metadata_directive(MetadataDirective::Copy)
            .storage_class(class)
            .server_side_encryption(algorithm)
            .set_ssekms_key_id(key)
            .set_bucket_key_enabled(bucket_key);
        let settings = time_to_send(&self.client, size);
        let request = request.customize().config_override(settings);
        request.send().await.map_err(store_error)?;
        Ok(())
    }

    /// Moves an object part by part. One that can't be ended is given up.
    async fn move_in_parts(
        &self,
        object: NewObject<'_>,
        size: u64,
        class: S3Class,
    ) -> Result<(), StoreError> {
        let multipart = self.begin_in(object, class).await?;
        let result = self.move_all_parts(object, &multipart, size).await;
        if result.is_err()
            && let Err(error) = self.abort(object.key, &multipart).await
        {
            tracing::warn!(%error, "a move could not be given up; the bucket's rule will do it");
        }
        result
    }

    async fn move_all_parts(
        &self,
        object: NewObject<'_>,
        multipart: &MultipartId,
        size: u64,
    ) -> Result<(), StoreError> {
        let copy = |(number, (begin, length))| async move {
            self.move_part(object, multipart, number, begin, length).await
        };
        let parts = stream::iter((1..).zip(parts(size))).map(copy);
        let tags: Vec<PartTag> = parts.buffered(PARTS_IN_FLIGHT).try_collect().await?;
        self.complete(object.key, multipart, &tags, size).await
    }

    async fn move_part(
        &self,
        object: NewObject<'_>,
        multipart: &MultipartId,
        number: i32,
        begin: u64,
        length: u64,
    ) -> Result<PartTag, StoreError> {
        let request = self.client.upload_part_copy().bucket(&self.bucket);
        let request = request
            .key(object.key.as_str())
            .upload_id(&multipart.0)
            .part_number(number)
            .copy_source(self.own_source(object))
            .copy_source_range(format!("bytes={begin}-{}", begin + length - 1));
        let settings = time_to_send(&self.client, length);
        let answer = request.customize().config_override(settings).send().await;
        let result = answer.map_err(store_error)?.copy_part_result;
        let result = result.ok_or_else(|| internal("S3 said nothing of a part that it copied"))?;
        let crc32 = result.checksum_crc32.unwrap_or_default();
        let etag = result.e_tag.ok_or_else(|| internal("S3 gave a part no tag"))?;
        Ok(Part { crc32, length, etag }.tag())
    }

    /// Returns an object's name as the source of a copy. It has no character that a URL encodes.
    fn own_source(&self, object: NewObject<'_>) -> String {
        format!("{}/{}", self.bucket, object.key.as_str())
    }
}

/// Returns the first byte and the length of each part of an object.
fn parts(size: u64) -> impl Iterator<Item = (u64, u64)> {
    let length = size.div_ceil(u64::from(MOST_PARTS)).max(PART);
    (0..size.div_ceil(length)).map(move |part| {
        let begin = part * length;
        (begin, length.min(size - begin))
    })
}
