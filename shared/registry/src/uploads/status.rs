use berth_types::UploadId;

use super::session::Sessions;
use crate::access::{Action, RepositoryPermit};
use crate::error::RegistryError;
use crate::registry::Pull;

impl Pull {
    /// Returns how many bytes of an upload were acknowledged.
    pub async fn upload_offset(
        &self,
        permit: &RepositoryPermit,
        upload: &UploadId,
    ) -> Result<u64, RegistryError> {
        permit.must_be(Action::UploadLayerPart);
        let sessions = Sessions { table: self.table.as_ref(), directory: &self.directory };
        Ok(sessions.load(permit.name(), upload, |_| Vec::new()).await?.session.offset)
    }
}
