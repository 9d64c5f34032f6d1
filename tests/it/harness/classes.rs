use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use berth_registry::ports::{MoveObjects, NewObject, StorageClass, StoreError, WriteObjects};

/// Objects that are in classes, as S3's are.
#[derive(Debug)]
pub struct Classes {
    objects: Arc<dyn WriteObjects>,
    classes: Mutex<BTreeMap<String, StorageClass>>,
}

impl Classes {
    /// Puts classes on objects, which are of the usual one.
    pub fn of(objects: &Arc<dyn WriteObjects>) -> Arc<Self> {
        Arc::new(Self { objects: Arc::clone(objects), classes: Mutex::default() })
    }

    /// Returns how many objects are in the archive.
    pub fn archived(&self) -> usize {
        let classes = self.classes.lock().unwrap_or_else(PoisonError::into_inner);
        classes.values().filter(|class| **class == StorageClass::Archive).count()
    }
}

#[async_trait]
impl MoveObjects for Classes {
    async fn move_to(
        &self,
        object: NewObject<'_>,
        size: u64,
        class: StorageClass,
    ) -> Result<(), StoreError> {
        self.objects.move_to(object, size, class).await?;
        // Others come in between, as they do beside a copy.
        tokio::task::yield_now().await;
        let mut classes = self.classes.lock().unwrap_or_else(PoisonError::into_inner);
        classes.insert(object.key.as_str().to_owned(), class);
        Ok(())
    }
}
