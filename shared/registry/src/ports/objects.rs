use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use berth_types::{Digest, Encryption};
use bytes::Bytes;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};

use super::StoreError;

/// The most parts of a multipart object, as in S3.
pub const MOST_PARTS: u32 = 10_000;

/// Name of an object: lower-case letters, digits, `-`, `.` and `/`, made by the module `layout`
/// alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// Makes a key; `layout` knows the forms that exist.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Bytes that arrive piece by piece. A piece that is an error is the last.
pub type ByteStream = BoxStream<'static, Result<Bytes, BodyError>>;

/// Range of bytes: from `start`, to before `end`.
pub type ByteRange = Range<u64>;

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The sender went away or broke its protocol.
    #[error("body was cut off: {0}")]
    CutOff(String),
    /// The body is whole, but refused: it is too long or has the wrong digest. Whoever made the
    /// stream keeps the reason.
    #[error("body was refused")]
    Refused,
    /// A store that the body is read from failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Error of storing a body; nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The body failed.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The store's own name of a multipart upload; may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MultipartId(pub String);

/// What the store wants to be told of a part when the upload completes; may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartTag(pub String);

/// What is to be known of an object before it is made.
#[derive(Clone, Copy, Debug)]
pub struct NewObject<'a> {
    /// Its name.
    pub key: &'a ObjectKey,
    /// How it is encrypted at rest.
    pub encryption: &'a Encryption,
    /// Digest that its bytes will have, if that is known: a store that verifies one is told.
    pub digest: Option<&'a Digest>,
}

impl<'a> NewObject<'a> {
    /// An object that the store encrypts by itself, of bytes that nobody knows yet.
    #[must_use]
    pub fn new(key: &'a ObjectKey) -> Self {
        Self { key, encryption: &Encryption::Aes256, digest: None }
    }
}

/// Where a client gets an object's bytes.
#[derive(Debug)]
pub enum Download {
    /// Here, from a file.
    File(FileRegion),
    /// From this URL, which is signed for the request's method.
    Redirect(String),
}

/// Part of an open file.
#[derive(Clone, Debug)]
pub struct FileRegion {
    /// The file; readers use positioned reads, never its cursor.
    pub file: Arc<File>,
    /// First byte.
    pub offset: u64,
    /// Number of bytes.
    pub length: u64,
}

/// Where an object lies, for another store of the same kind that is to copy it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopySource {
    /// What the store calls the place of its objects: a folder, a bucket.
    pub store: OsString,
    /// Name of the object there.
    pub key: ObjectKey,
}

/// Reads objects.
///
/// Permissions: `s3:GetObject`.
#[async_trait]
pub trait ReadObjects: fmt::Debug + Send + Sync {
    /// Returns where a client gets `range` of the object, which lies within its size, by GET.
    async fn download(&self, key: &ObjectKey, range: ByteRange) -> Result<Download, StoreError>;

    /// Returns the URL, signed for HEAD, that answers a client's HEAD for the object; `None` if
    /// the registry answers by itself.
    async fn head_url(&self, key: &ObjectKey) -> Result<Option<String>, StoreError>;

    /// Returns where another store finds the object to [copy](WriteObjects::copy) it, without
    /// looking whether it is there.
    fn copy_source(&self, key: &ObjectKey) -> CopySource;

    /// Reads `range` of the object, which lies within its size, in pieces of at most 1 MiB.
    async fn read(&self, key: &ObjectKey, range: ByteRange) -> Result<ByteStream, StoreError>;
}

/// Deletes objects, and gives up those that were begun.
///
/// Permissions: `s3:DeleteObject`, `s3:AbortMultipartUpload`.
#[async_trait]
pub trait DeleteObjects: fmt::Debug + Send + Sync {
    /// Deletes the object; one that is not there is no error.
    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError>;

    /// Gives the upload and its parts up. Doing it again is no error.
    async fn abort_multipart(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
    ) -> Result<(), StoreError>;
}

/// How an object is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageClass {
    /// As one that is often read.
    Standard,
    /// As one that is hardly ever read: it costs less to keep and more to read, and is read at once
    /// all the same.
    Archive,
}

/// Moves objects between storage classes.
///
/// Permissions: `s3:GetObject`, `s3:PutObject`, `s3:AbortMultipartUpload`.
#[async_trait]
pub trait MoveObjects: fmt::Debug + Send + Sync {
    /// Stores the object of `size` bytes in another class, encrypted as `object` says; one that is
    /// there already is left alone. Its bytes can be read before, meanwhile and afterwards. A store
    /// without classes does nothing.
    async fn move_to(
        &self,
        object: NewObject<'_>,
        size: u64,
        class: StorageClass,
    ) -> Result<(), StoreError>;
}

/// Writes objects. What a method acknowledges survives a crash; what it did not is invisible.
///
/// Permissions: those of [`ReadObjects`], [`DeleteObjects`] and [`MoveObjects`], and `s3:PutObject`.
#[async_trait]
pub trait WriteObjects: ReadObjects + DeleteObjects + MoveObjects {
    /// Returns the least length in bytes of every part but the last of a multipart object.
    fn smallest_part(&self) -> u64;

    /// Stores `body` as the object, and returns its size in bytes. A body that fails stores
    /// nothing.
    async fn put(&self, object: NewObject<'_>, body: ByteStream) -> Result<u64, PutError>;

    /// Makes the object of the `size` bytes of another one, maybe in another store of the same
    /// kind, which copies them by itself: they don't pass through this process. One that is not
    /// there is [`NotFound`](super::StoreErrorKind::NotFound); a copy that fails stores nothing.
    ///
    /// Permissions: `s3:GetObject` where the other object lies, and `kms:Decrypt` with its key.
    async fn copy(
        &self,
        object: NewObject<'_>,
        from: &CopySource,
        size: u64,
    ) -> Result<(), StoreError>;

    /// Begins an object of several parts.
    async fn begin_multipart(&self, object: NewObject<'_>) -> Result<MultipartId, StoreError>;

    /// Stores `body` as one part or several, numbered from `number` (at least 1; the last at most
    /// [`MOST_PARTS`]), and returns the tag of each. Their first byte is byte `offset` of the
    /// object; together they have at least [`smallest_part`](Self::smallest_part) bytes, unless
    /// nothing follows them. Parts that failed, or that were stored under the same numbers and
    /// offset, are replaced. Calls for one upload follow one another.
    async fn put_parts(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
        number: u32,
        offset: u64,
        body: ByteStream,
    ) -> Result<Vec<PartTag>, PutError>;

    /// Makes the object of its parts, `size` bytes in all. Doing it again is no error.
    async fn complete_multipart(
        &self,
        key: &ObjectKey,
        multipart: &MultipartId,
        parts: &[PartTag],
        size: u64,
    ) -> Result<(), StoreError>;
}
