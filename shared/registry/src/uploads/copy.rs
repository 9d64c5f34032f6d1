use berth_types::Digest;
use uuid::Uuid;

use super::begin::new_upload_id;
use super::finish::StoredObject;
use crate::error::RegistryError;
use crate::layout::blob_object;
use crate::ports::{CopySource, NewObject};
use crate::registry::Push;
use crate::repositories::Repository;

impl Push {
    /// Makes a blob of the repository out of another registry's object of `size` bytes, which the
    /// store copies. Its digest was checked where it was uploaded.
    pub(crate) async fn copy_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        from: &CopySource,
        size: u64,
    ) -> Result<(), RegistryError> {
        let key = blob_object(&repository.id, &new_upload_id()?, Uuid::new_v4());
        let encryption = &repository.encryption;
        let new = NewObject { key: &key, encryption, digest: Some(digest) };
        self.objects.copy(new, from, size).await?;
        self.commit_whole(repository, digest, &StoredObject { key, size }).await
    }
}
