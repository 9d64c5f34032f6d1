use std::fmt;

use async_trait::async_trait;

use super::{MultipartId, ObjectKey, StoreError, Timestamp};

/// The most entries that one call lists, as in S3.
pub const MOST_LISTED: usize = 1000;

/// An object that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// Its name.
    pub key: ObjectKey,
    /// Its size in bytes.
    pub size: u64,
    /// When it was stored or, if it has several parts, begun or stored.
    pub modified_at: Timestamp,
}

/// An object of several parts that was begun, and neither completed nor given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedMultipart {
    /// The object's name.
    pub key: ObjectKey,
    /// The store's name of the upload.
    pub id: MultipartId,
    /// When it was begun, or its last part stored.
    pub modified_at: Timestamp,
}

/// A page of what is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

/// Lists objects, in an order of the store's own. What is there all the time is listed once; what
/// comes or goes meanwhile may be listed or not.
///
/// Permissions: `s3:ListBucket`, `s3:ListBucketMultipartUploads`.
#[async_trait]
pub trait ListObjects: fmt::Debug + Send + Sync {
    /// Returns a page of the objects, of at most `limit` (1 to [`MOST_LISTED`]): the first, or
    /// the one that another's `next` names.
    async fn list(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listing<ListedObject>, StoreError>;

    /// Returns a page of the objects that were begun, likewise.
    async fn list_multiparts(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Listing<ListedMultipart>, StoreError>;
}
