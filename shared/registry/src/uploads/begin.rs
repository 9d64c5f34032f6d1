use std::sync::Arc;

use berth_types::{Algorithm, UploadId};
use uuid::Uuid;

use super::session::Session;
use crate::access::{Action, RepositoryPermit};
use crate::document::{encode, put};
use crate::error::RegistryError;
use crate::layout::Place;
use crate::ports::{Condition, StoreError, StoreErrorKind, TransactError};
use crate::registry::{CreateOnPush, Push};
use crate::repositories::Repository;

impl Push {
    /// Begins an upload into the repository that the permit names, and makes the repository first
    /// if it is not there and `create` permits it. The blob's digest will be of `algorithm`.
    pub async fn begin_upload(
        &self,
        permit: &RepositoryPermit,
        create: Option<&RepositoryPermit>,
        algorithm: Algorithm,
    ) -> Result<UploadId, RegistryError> {
        permit.must_be(Action::InitiateLayerUpload);
        let repository = self.repository_to_push(permit, create).await?;
        let upload = new_upload_id()?;
        let now = self.clock.now();
        let key = Place::Upload(&repository.id, &upload).key();
        let document = encode(&Session::new(algorithm, now))?;
        let operation = put(key, document, now.millis(), Condition::Absent);
        match self.table.transact(vec![operation]).await {
            Ok(()) => Ok(upload),
            Err(TransactError::Store(error)) => Err(error.into()),
            Err(TransactError::Conditions(_) | TransactError::Conflict) => {
                Err(RegistryError::UploadBusy(upload))
            }
        }
    }

    /// Finds the repository that the permit names, or makes it.
    pub(crate) async fn repository_to_push(
        &self,
        permit: &RepositoryPermit,
        create: Option<&RepositoryPermit>,
    ) -> Result<Arc<Repository>, RegistryError> {
        match (self.directory.recent(permit.name()).await, create) {
            (Err(RegistryError::RepositoryUnknown(_)), Some(create))
                if self.rules.create_on_push == CreateOnPush::Create
                    && create.name() == permit.name() =>
            {
                self.repositories.find_or_create(create).await
            }
            (found, _) => found,
        }
    }
}

/// Makes the id of a new upload.
pub(super) fn new_upload_id() -> Result<UploadId, StoreError> {
    let id = UploadId::try_from(Uuid::new_v4().to_string());
    id.map_err(|error| StoreError::new(StoreErrorKind::Internal, error))
}
