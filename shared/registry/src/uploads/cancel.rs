use berth_types::UploadId;

use crate::access::{Action, RepositoryPermit};
use crate::contention::won;
use crate::error::RegistryError;
use crate::ports::{Condition, Operation};
use crate::registry::Push;

use super::session::Loaded;

impl Push {
    /// Gives an upload up, also one that another request writes to: that request then fails.
    pub async fn cancel_upload(
        &self,
        permit: &RepositoryPermit,
        upload: &UploadId,
    ) -> Result<(), RegistryError> {
        permit.must_be(Action::UploadLayerPart);
        let loaded = self.load(permit.name(), upload, |_| Vec::new()).await?;
        match self.discard(&loaded).await? {
            true => Ok(()),
            false => Err(RegistryError::UploadBusy(upload.clone())),
        }
    }

    /// Deletes the session and its parts; `false` if it changed since it was read.
    pub(super) async fn discard(&self, loaded: &Loaded) -> Result<bool, RegistryError> {
        let condition = Condition::Version(loaded.version);
        let deletion = Operation::Delete { key: loaded.key(), condition };
        if !won(self.table.transact(vec![deletion]).await)? {
            return Ok(false);
        }
        if let Some(multipart) = &loaded.session.multipart {
            self.objects.abort_multipart(&multipart.object, &multipart.id).await?;
        }
        Ok(true)
    }
}
