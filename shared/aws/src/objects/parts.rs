//! Uploads in parts: how they begin and end.
//!
//! Each part carries its CRC-32, which S3 verifies: every processor computes it at the speed of
//! memory, while the digest of the whole is computed only once, above. The tag of a part is
//! `CRC32.LENGTH.ETAG`: what S3 wants to be told when the upload completes, and the length, so
//! that parts that are not an upload's together are refused.

use std::time::Duration;

use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, StorageClass};
use berth_registry::ports::{
    MultipartId, NewObject, ObjectKey, PartTag, StoreError, StoreErrorKind,
};

use super::client::longer;
use super::encryption::Settings;
use super::payload::Payload;
use super::upload::Upload;
use super::{CONTENT_TYPE, S3Objects};
use crate::failure::{code_of, store_error};

/// How much longer a try to complete an upload may take for each part: S3 may need minutes for
/// thousands.
const TIME_FOR_PART: Duration = Duration::from_millis(20);

/// Code of S3's answer about an upload that is completed, given up, or never was.
const NO_SUCH_UPLOAD: &str = "NoSuchUpload";

/// What a part's tag says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) crc32: String,
    pub(super) length: u64,
    pub(super) etag: String,
}

impl Part {
    pub(super) fn tag(&self) -> PartTag {
        let Self { crc32, length, etag } = self;
        PartTag(format!("{crc32}.{length}.{}", etag.trim_matches('"')))
    }

    fn parse(tag: &PartTag) -> Result<Self, StoreError> {
        let mut fields = tag.0.splitn(3, '.');
        let (Some(crc32), Some(length), Some(etag)) = (fields.next(), fields.next(), fields.next())
        else {
            return Err(damaged("a part's tag is malformed"));
        };
        let length = length.parse().map_err(|_| damaged("a part's length is malformed"))?;
        Ok(Self { crc32: crc32.to_owned(), length, etag: etag.to_owned() })
    }
}

impl S3Objects {
    pub(super) async fn begin(&self, object: NewObject<'_>) -> Result<MultipartId, StoreError> {
        self.begin_in(object, StorageClass::Standard).await
    }

    /// Begins an object in parts, of a storage class.
    pub(super) async fn begin_in(
        &self,
        object: NewObject<'_>,
        class: StorageClass,
    ) -> Result<MultipartId, StoreError> {
        let Settings { algorithm, key, bucket_key } = self.encryption(object.encryption);
        let request = self.client.create_multipart_upload().bucket(&self.bucket);
        let answer = request
            .key(object.key.as_str())
            .content_type(CONTENT_TYPE)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .set_storage_class(named(class))
            .server_side_encryption(algorithm)
            .set_ssekms_key_id(key)
            .set_bucket_key_enabled(bucket_key)
            .send()
            .await
            .map_err(store_error)?;
        let id = answer.upload_id.map(MultipartId);
        id.ok_or_else(|| StoreError::new(StoreErrorKind::Internal, "S3 gave an upload no id"))
    }

    /// Makes the object of its parts, or finds that this was done before.
    pub(super) async fn complete(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
        parts: &[PartTag],
        size: u64,
    ) -> Result<(), StoreError> {
        let mut parts = parts.iter().map(Part::parse).collect::<Result<Vec<_>, _>>()?;
        if parts.iter().map(|part| part.length).sum::<u64>() != size {
            return Err(damaged("the parts of an upload don't have its size together"));
        }
        if parts.is_empty() {
            // S3 makes no object of no parts, but one of an empty part.
            let upload = Upload { objects: self, key, multipart };
            match upload.send_part(1, Payload::default()).await {
                Ok((_, tag)) => parts.push(Part::parse(&tag)?),
                Err(error) if error.kind() == StoreErrorKind::NotFound => {
                    return self.confirm(key, size).await;
                }
                Err(error) => return Err(error),
            }
        }
        let count = u32::try_from(parts.len()).unwrap_or(u32::MAX);
        let settings = longer(&self.client, TIME_FOR_PART.saturating_mul(count));
        let request = self.client.complete_multipart_upload().bucket(&self.bucket);
        let result = request
            .key(key.as_str())
            .upload_id(&multipart.0)
            .mpu_object_size(i64::try_from(size).unwrap_or(i64::MAX))
            .multipart_upload(completed(parts))
            .customize()
            .config_override(settings)
            .send()
            .await;
        match result {
            Ok(_) => Ok(()),
            Err(error) if code_of(&error) == Some(NO_SUCH_UPLOAD) => self.confirm(key, size).await,
            Err(error) => Err(store_error(error)),
        }
    }

    /// Gives an upload and its parts up.
    pub(super) async fn abort(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
    ) -> Result<(), StoreError> {
        let request = self.client.abort_multipart_upload().bucket(&self.bucket);
        match request.key(key.as_str()).upload_id(&multipart.0).send().await {
            Err(error) if code_of(&error) != Some(NO_SUCH_UPLOAD) => Err(store_error(error)),
            _ => Ok(()),
        }
    }

    /// Finds the object of an upload that was completed before, maybe by a process that died then.
    async fn confirm(&self, key: &ObjectKey, size: u64) -> Result<(), StoreError> {
        match self.size(key).await? {
            found if found == size => Ok(()),
            _ => Err(damaged("an object has another size than its upload")),
        }
    }
}

/// Returns the storage class that S3 is told: the usual one it knows by itself.
fn named(class: StorageClass) -> Option<StorageClass> {
    Some(class).filter(|class| *class != StorageClass::Standard)
}

/// Returns the bytes that the parts have together.
pub(super) fn size(tags: &[PartTag]) -> Result<u64, StoreError> {
    tags.iter().map(|tag| Part::parse(tag).map(|part| part.length)).sum()
}

fn completed(parts: Vec<Part>) -> CompletedMultipartUpload {
    let parts = parts.into_iter().zip(1..).map(|(part, number)| {
        let completed = CompletedPart::builder().part_number(number);
        // Of a part that a store copied without telling its checksum, none is told.
        let crc32 = Some(part.crc32).filter(|crc32| !crc32.is_empty());
        completed.e_tag(part.etag).set_checksum_crc32(crc32).build()
    });
    CompletedMultipartUpload::builder().set_parts(Some(parts.collect())).build()
}

fn damaged(reason: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Damaged, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_come_back() {
        let part = Part { crc32: "y/Q5Jg==".into(), length: 9, etag: "\"a.b-1\"".into() };
        let tag = part.tag();
        assert_eq!(tag.0, "y/Q5Jg==.9.a.b-1");
        assert_eq!(Part::parse(&tag).unwrap(), Part { etag: "a.b-1".into(), ..part });
        for tag in ["", "y/Q5Jg==.9", "y/Q5Jg==.x.etag"] {
            let error = Part::parse(&PartTag(tag.to_owned())).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Damaged);
        }
    }
}
