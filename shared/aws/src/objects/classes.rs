//! Storage classes: an object is moved by a copy onto itself.

use async_trait::async_trait;
use aws_sdk_s3::types::StorageClass as S3Class;
use berth_registry::ports::{MoveObjects, NewObject, ReadObjects as _, StorageClass, StoreError};

use super::S3Objects;
use super::copy::From;
use crate::failure::store_error;

/// The class of what is archived: read at once, at a fifth of the usual class's price, for ninety
/// days at least.
const ARCHIVE: S3Class = S3Class::GlacierIr;

/// The smallest object that is archived: S3 charges a smaller one as if it had this size, so that
/// it costs less where it is.
const SMALLEST_ARCHIVED: u64 = 128 * 1024;

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
        let from = From::new(&self.copy_source(object.key), size)?;
        self.copy_into(object, &from, wanted).await
    }
}
