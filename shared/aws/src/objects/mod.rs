//! The objects on S3.

mod classes;
mod client;
mod copy;
mod encryption;
mod gather;
mod listing;
mod memory;
mod parts;
mod payload;
mod read;
mod upload;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::StorageClass;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use berth_registry::ports::{
    ByteRange, ByteStream, CopySource, DeleteObjects, Download, MultipartId, NewObject, ObjectKey,
    PartTag, PutError, ReadObjects, StoreError, StoreErrorKind, WriteObjects,
};
use berth_types::{Algorithm, Digest, Encryption};
use futures_util::{StreamExt as _, stream};

pub use client::s3_client;

use crate::failure::store_error;
use client::time_to_send;
use encryption::Settings;
use gather::{Gatherer, LEAST, SMALLEST_PART, WHOLE};
use memory::{Memory, SEGMENT};
use payload::Payload;
use upload::Upload;

/// How long a signed URL is good: long enough to follow it and begin. A download that has begun
/// goes on. A URL also ends with the session of the role that signed it, which may be earlier.
const EXPIRY: Duration = Duration::from_mins(30);

/// Memory for bodies on their way to S3, unless it is set.
const UPLOAD_MEMORY: usize = 256 * 1024 * 1024;

/// What every object is, whatever a client may call it.
const CONTENT_TYPE: &str = "application/octet-stream";

/// The registry's objects in one bucket.
///
/// A body that ends within 16 MiB is one `PutObject` with a checksum; a longer one is sent in
/// parts of 16 MiB, several at a time. The memory for bodies is bounded
/// ([`with_upload_memory`](Self::with_upload_memory)); when it is used up, bodies wait.
#[derive(Clone, Debug)]
pub struct S3Objects {
    client: Client,
    bucket: String,
    default_key: Option<String>,
    memory: Arc<Memory>,
    copied_whole: u64,
}

impl S3Objects {
    /// Makes the objects of `bucket`, with a client of [`s3_client`].
    #[must_use]
    pub fn new(client: Client, bucket: String) -> Self {
        let memory = Arc::new(Memory::new(UPLOAD_MEMORY, WHOLE));
        Self { client, bucket, default_key: None, memory, copied_whole: copy::WHOLE }
    }

    /// Encrypts by `key` where a repository wants KMS and names no key. Without it, S3 takes the
    /// account's own key for S3, `aws/s3`.
    #[must_use]
    pub fn with_default_key(self, key: String) -> Self {
        Self { default_key: Some(key), ..self }
    }

    /// Bounds the memory for bodies on their way to S3 to `bytes`, but to no less than 16 MiB, for
    /// this value and its clones together. What was used is kept for the next bodies.
    #[must_use]
    pub fn with_upload_memory(self, bytes: usize) -> Self {
        Self { memory: Arc::new(Memory::new(bytes, WHOLE)), ..self }
    }

    /// Copies objects of up to `bytes` by one request, and longer ones in parts of a quarter of that,
    /// which must be 5 MiB at least. Without it, 512 MiB are the limit.
    #[must_use]
    pub fn with_copied_whole(self, bytes: u64) -> Self {
        Self { copied_whole: bytes, ..self }
    }

    fn encryption(&self, encryption: &Encryption) -> Settings {
        Settings::new(encryption, self.default_key.as_deref())
    }

    /// Returns the size of an object.
    async fn size(&self, key: &ObjectKey) -> Result<u64, StoreError> {
        let request = self.client.head_object().bucket(&self.bucket).key(key.as_str());
        let answer = request.send().await.map_err(store_error)?;
        let length = answer.content_length.and_then(|length| u64::try_from(length).ok());
        length.ok_or_else(|| internal("S3 gave an object no length"))
    }

    async fn put_whole(&self, object: NewObject<'_>, body: Payload) -> Result<u64, StoreError> {
        let Settings { algorithm, key, bucket_key } = self.encryption(object.encryption);
        let request = self.client.put_object().bucket(&self.bucket).key(object.key.as_str());
        let request = match object.digest.and_then(sha256) {
            Some(sha256) => request.checksum_sha256(sha256),
            None => request.checksum_crc32(body.crc32().await),
        };
        let request = request
            .content_type(CONTENT_TYPE)
            .server_side_encryption(algorithm)
            .set_ssekms_key_id(key)
            .set_bucket_key_enabled(bucket_key)
            .body(body.body());
        let settings = time_to_send(&self.client, body.length());
        let request = request.customize().config_override(settings);
        request.send().await.map_err(store_error)?;
        Ok(body.length())
    }

    /// Stores a body that is longer than one request takes. One that can't be ended is given up.
    async fn put_long(&self, object: NewObject<'_>, body: Gatherer) -> Result<u64, PutError> {
        let multipart = self.begin(object).await?;
        let result = self.put_all_parts(object.key, &multipart, body).await;
        if result.is_err()
            && let Err(error) = self.abort_multipart(object.key, &multipart).await
        {
            tracing::warn!(%error, "an upload could not be given up; the bucket's rule will do it");
        }
        result
    }

    async fn put_all_parts(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
        body: Gatherer,
    ) -> Result<u64, PutError> {
        let tags = Upload { objects: self, key, multipart }.send(1, body).await?;
        let size = parts::size(&tags)?;
        self.complete(key, multipart, &tags, size).await?;
        Ok(size)
    }
}

#[async_trait]
impl ReadObjects for S3Objects {
    /// Returns a signed URL. Nobody is asked whether the object is there. The range is not signed:
    /// a client's own `Range` works.
    async fn download(&self, key: &ObjectKey, _range: ByteRange) -> Result<Download, StoreError> {
        let request = self.client.get_object().bucket(&self.bucket).key(key.as_str());
        let signed = request.presigned(presigning()?).await.map_err(store_error)?;
        Ok(Download::Redirect(signed.uri().to_owned()))
    }

    async fn head_url(&self, key: &ObjectKey) -> Result<Option<String>, StoreError> {
        let request = self.client.head_object().bucket(&self.bucket).key(key.as_str());
        let signed = request.presigned(presigning()?).await.map_err(store_error)?;
        Ok(Some(signed.uri().to_owned()))
    }

    fn copy_source(&self, key: &ObjectKey) -> CopySource {
        CopySource { store: self.bucket.clone().into(), key: key.clone() }
    }

    async fn read(&self, key: &ObjectKey, range: ByteRange) -> Result<ByteStream, StoreError> {
        if range.is_empty() {
            // S3 has no empty ranges, but knows whether the object is there.
            self.size(key).await?;
            return Ok(stream::empty().boxed());
        }
        read::begin(&self.client, &self.bucket, key.as_str(), range).await
    }
}

#[async_trait]
impl DeleteObjects for S3Objects {
    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        let request = self.client.delete_object().bucket(&self.bucket).key(key.as_str());
        request.send().await.map_err(store_error)?;
        Ok(())
    }

    async fn abort_multipart(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
    ) -> Result<(), StoreError> {
        self.abort(key, multipart).await
    }
}

#[async_trait]
impl WriteObjects for S3Objects {
    fn smallest_part(&self) -> u64 {
        u64::from(SMALLEST_PART) * SEGMENT as u64
    }

    async fn put(&self, object: NewObject<'_>, body: ByteStream) -> Result<u64, PutError> {
        let mut gatherer = Gatherer::new(body, self.memory.allow(WHOLE).await?);
        match gatherer.whole().await? {
            Some(body) => Ok(self.put_whole(object, body).await?),
            None => self.put_long(object, gatherer).await,
        }
    }

    async fn copy(
        &self,
        object: NewObject<'_>,
        from: &CopySource,
        size: u64,
    ) -> Result<(), StoreError> {
        let from = copy::From::new(from, size)?;
        self.copy_into(object, &from, StorageClass::Standard).await
    }

    async fn begin_multipart(&self, object: NewObject<'_>) -> Result<MultipartId, StoreError> {
        self.begin(object).await
    }

    async fn put_parts(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
        number: u32,
        _offset: u64,
        body: ByteStream,
    ) -> Result<Vec<PartTag>, PutError> {
        let gatherer = Gatherer::new(body, self.memory.allow(LEAST).await?);
        Upload { objects: self, key, multipart }.send(number, gatherer).await
    }

    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
        parts: &[PartTag],
        size: u64,
    ) -> Result<(), StoreError> {
        self.complete(key, multipart, parts, size).await
    }
}

fn presigning() -> Result<PresigningConfig, StoreError> {
    PresigningConfig::expires_in(EXPIRY).map_err(internal)
}

/// Returns a SHA-256 digest in base64, as S3 writes it; `None` of one of another algorithm.
fn sha256(digest: &Digest) -> Option<String> {
    let is_sha256 = digest.algorithm() == Algorithm::Sha256;
    is_sha256.then(|| hex::decode(digest.hex()).ok()).flatten().map(|hash| STANDARD.encode(hash))
}

fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::new(StoreErrorKind::Internal, source)
}
