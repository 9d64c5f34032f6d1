use std::time::Duration;

use uuid::Uuid;

use super::session::{Lease, Loaded, Multipart};
use crate::error::RegistryError;
use crate::layout::blob_object;
use crate::ports::NewObject;
use crate::registry::Push;

/// How long a lease lasts. It is renewed while bytes move.
const LEASE: Duration = Duration::from_secs(30);

/// How often a lease is renewed.
const RENEWAL: Duration = Duration::from_secs(10);

impl Push {
    /// Takes the lease, or renews it, and begins the object of the parts if there is none.
    pub(super) async fn take_lease_for_parts(
        &self,
        loaded: &mut Loaded,
    ) -> Result<(), RegistryError> {
        if loaded.session.multipart.is_some() {
            return self.take_lease(loaded).await;
        }
        let object = blob_object(&loaded.repository.id, &loaded.upload, Uuid::new_v4());
        let encryption = &loaded.repository.encryption;
        let new = NewObject { key: &object, encryption, digest: None };
        let id = self.objects.begin_multipart(new).await?;
        let begun = Multipart { object, id, parts: Vec::new() };
        loaded.session.multipart = Some(begun.clone());
        let taken = self.take_lease(loaded).await;
        if matches!(taken, Err(RegistryError::UploadBusy(_))) {
            // Another request was faster, and has begun an object of its own.
            self.objects.abort_multipart(&begun.object, &begun.id).await?;
        }
        taken
    }

    /// Takes the lease, or renews it.
    pub(super) async fn take_lease(&self, loaded: &mut Loaded) -> Result<(), RegistryError> {
        let until = self.clock.now().plus(LEASE);
        loaded.session.set_lease(Some(Lease { holder: self.instance, until }));
        self.save(loaded).await
    }

    /// Does `work`, and renews the lease meanwhile.
    pub(super) async fn keeping_lease<T>(
        &self,
        loaded: &mut Loaded,
        work: impl Future<Output = T>,
    ) -> Result<T, RegistryError> {
        tokio::pin!(work);
        let mut renewal = tokio::time::interval(RENEWAL);
        renewal.tick().await;
        loop {
            tokio::select! {
                result = &mut work => return Ok(result),
                _ = renewal.tick() => self.take_lease(loaded).await?,
            }
        }
    }
}
