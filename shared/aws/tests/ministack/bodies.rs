//! Bodies for objects, and the objects.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use berth_aws::{S3Objects, s3_client};
use berth_registry::ports::{
    BodyError, ByteRange, ByteStream, MultipartId, NewObject, ObjectKey, PartTag, PutError,
    ReadObjects as _, StoreError, StoreErrorKind, WriteObjects as _,
};
use berth_types::Digest;
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::server::MiniStack;
use crate::wire::Wire;

pub const MIB: usize = 1024 * 1024;

/// How long a try may take in a test.
const TRY: Duration = Duration::from_secs(1);

/// A bucket of its own, and the wire to it.
pub struct Fixture {
    pub objects: S3Objects,
    pub wire: Wire,
    _server: MiniStack,
}

impl Fixture {
    pub async fn new() -> Self {
        let server = MiniStack::start("s3").await;
        let wire = Wire::default();
        let client = client(&server.config(&wire));
        client.create_bucket().bucket("blobs").send().await.expect("a bucket is made");
        Self { objects: S3Objects::new(client, "blobs".to_owned()), wire, _server: server }
    }

    /// Puts an object.
    pub async fn put(
        &self,
        name: &str,
        digest: Option<&Digest>,
        body: ByteStream,
    ) -> Result<u64, PutError> {
        let key = key(name);
        self.objects.put(NewObject { digest, ..NewObject::new(&key) }, body).await
    }

    /// Begins the object `a` in parts.
    pub async fn begin(&self) -> MultipartId {
        let id = self.objects.begin_multipart(NewObject::new(&key("a"))).await;
        id.expect("an upload begins")
    }

    /// Puts parts of the object `a`, from its begin.
    pub async fn put_parts(
        &self,
        id: &MultipartId,
        body: ByteStream,
    ) -> Result<Vec<PartTag>, PutError> {
        self.objects.put_parts(&key("a"), id, 1, 0, body).await
    }

    /// Completes the object `a`.
    pub async fn complete(
        &self,
        id: &MultipartId,
        tags: &[PartTag],
        size: usize,
    ) -> Result<(), StoreError> {
        self.objects.complete_multipart(&key("a"), id, tags, size as u64).await
    }

    /// Asserts that the object is `content`.
    pub async fn assert_is(&self, name: &str, content: &Bytes) {
        let read = self.read(&key(name), 0..content.len() as u64).await.expect("it is read");
        assert!(read == *content, "`{name}` has other bytes");
    }

    /// Reads an object.
    pub async fn read(&self, key: &ObjectKey, range: ByteRange) -> Result<Bytes, BodyError> {
        let pieces: Vec<_> = self.objects.read(key, range).await?.try_collect().await?;
        Ok(pieces.concat().into())
    }

    /// Returns why an object can't be read.
    pub async fn kind_of_read(&self, name: &str) -> StoreErrorKind {
        match self.read(&key(name), 0..1).await.expect_err("a read fails") {
            BodyError::Store(error) => error.kind(),
            error => panic!("unexpected {error:?}"),
        }
    }

    /// Returns how many requests of `operation` there were.
    pub fn count(&self, operation: &str) -> usize {
        self.wire.seen(operation).len()
    }
}

/// Makes the client of the objects, with shorter timeouts.
fn client(config: &SdkConfig) -> aws_sdk_s3::Client {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(TRY).build();
    let config = s3_client(config).config().to_builder().timeout_config(timeouts).build();
    aws_sdk_s3::Client::from_conf(config)
}

pub fn key(name: &str) -> ObjectKey {
    ObjectKey::new(format!("blobs/{name}"))
}

/// Returns `length` bytes that tell where they are from.
pub fn content(seed: u8, length: usize) -> Bytes {
    let block: Vec<u8> = (0..=250).map(|byte| byte ^ seed).collect();
    let mut bytes = block.repeat(length / block.len() + 1);
    bytes.truncate(length);
    bytes.into()
}

/// Returns a body of pieces of 300,000 bytes.
pub fn body(content: &Bytes) -> ByteStream {
    let mut rest = content.clone();
    let pieces = std::iter::from_fn(move || {
        let length = rest.len().min(300_000);
        (length > 0).then(|| Ok(rest.split_to(length)))
    });
    stream::iter(pieces).boxed()
}

/// Returns a body that fails behind `content`.
pub fn failing_body(content: &Bytes) -> ByteStream {
    let failure = stream::once(async { Err(BodyError::CutOff("in a test".to_owned())) });
    body(content).chain(failure).boxed()
}

/// Returns the error of a store in `error`.
pub fn store_error(error: PutError) -> StoreError {
    match error {
        PutError::Store(error) => error,
        error @ PutError::Body(_) => panic!("unexpected {error:?}"),
    }
}
