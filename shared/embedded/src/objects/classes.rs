//! Storage classes: files have none.

use async_trait::async_trait;
use berth_registry::ports::{MoveObjects, NewObject, StorageClass, StoreError};

use super::FileObjects;
use super::layout::Place;
use crate::failure::file_failure;

/// A folder's disk costs the same however seldom it is read: the object stays where it is, and is
/// only looked for.
#[async_trait]
impl MoveObjects for FileObjects {
    async fn move_to(
        &self,
        object: NewObject<'_>,
        _size: u64,
        _class: StorageClass,
    ) -> Result<(), StoreError> {
        let Place { file, .. } = self.layout.object(object.key)?;
        std::fs::metadata(file).map(drop).map_err(file_failure)
    }
}
