use berth_types::UploadId;

use super::session::Sessions;
use crate::access::{Action, RepositoryPermit};
use crate::error::RegistryError;
use crate::registry::Removal;

impl Removal {
    /// Gives an upload up, also one that another request writes to: that request then fails.
    pub async fn cancel_upload(
        &self,
        permit: &RepositoryPermit,
        upload: &UploadId,
    ) -> Result<(), RegistryError> {
        permit.must_be(Action::UploadLayerPart);
        let sessions = Sessions { table: self.table.as_ref(), directory: &self.directory };
        let loaded = sessions.load(permit.name(), upload, |_| Vec::new()).await?;
        match loaded.discard(self.table.as_ref(), self.doomed.as_ref()).await? {
            true => Ok(()),
            false => Err(RegistryError::UploadBusy(upload.clone())),
        }
    }
}
