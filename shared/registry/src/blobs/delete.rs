use berth_types::Digest;

use super::record::{Deletion, Layer};
use crate::access::{Action, RepositoryPermit};
use crate::contention::{Attempts, won};
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{Place, RepositoryId, content, uses};
use crate::ports::{Consistency, Query, ReadTable, Select, StoreError};
use crate::registry::Removal;
use crate::repositories::Repository;

impl Removal {
    /// Deletes a blob of the repository that the permit names, unless an image uses it. Its bytes
    /// are left to collection.
    ///
    /// The deletion is recorded before uses are looked for: a manifest push that committed before
    /// is seen here, one that commits later sees the record when it looks again, and takes it
    /// back. Then the blob is hidden, on condition that nobody did. So a blob in use is never
    /// hidden, even if this process dies half-way.
    pub async fn delete_blob(
        &self,
        permit: &RepositoryPermit,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        permit.must_be(Action::BatchDeleteImage);
        let (repository, _) = self.directory.current(permit.name()).await?;
        let mut attempts = Attempts::at(digest);
        loop {
            let key = Place::Layer(&repository.id, digest).key();
            let item = self.table.get(&key, Consistency::Strong).await?;
            let layer = item.as_ref().map(decode::<Layer>).transpose()?;
            let (Some(item), Some(layer)) = (item, layer.filter(Layer::is_visible)) else {
                let repository = repository.name.clone();
                return Err(RegistryError::BlobUnknown { repository, digest: digest.clone() });
            };
            if is_used(self.table.as_ref(), &repository.id, digest).await? {
                return Err(in_use(&repository, digest));
            }
            let target = Target { repository: &repository, digest, layer: &layer };
            let now = self.clock.now();
            if self.record(target, item.version, Deletion::Began(now)).await? {
                let recorded = item.version + 1;
                if is_used(self.table.as_ref(), &repository.id, digest).await? {
                    self.record(target, recorded, Deletion::None).await?;
                    return Err(in_use(&repository, digest));
                }
                if self.record(target, recorded, Deletion::Done(now)).await? {
                    return Ok(());
                }
            }
            attempts.next().await?;
        }
    }

    /// Records how far the deletion of a layer of this `version` has come; `false` if the layer
    /// changed meanwhile.
    async fn record(
        &self,
        Target { repository, digest, layer }: Target<'_>,
        version: u64,
        deletion: Deletion,
    ) -> Result<bool, RegistryError> {
        let operation = layer.change(&repository.id, digest, version, deletion)?;
        Ok(won(self.table.transact(vec![operation]).await)?)
    }
}

/// Whether a layer has uses, at this moment.
pub(crate) async fn is_used(
    table: &dyn ReadTable,
    repository: &RepositoryId,
    digest: &Digest,
) -> Result<bool, StoreError> {
    let query = Query {
        partition: content(repository),
        prefix: uses(digest),
        after: None,
        limit: 1,
        consistency: Consistency::Strong,
        select: Select::Keys,
    };
    Ok(!table.query(&query).await?.items.is_empty())
}

/// A layer that is deleted.
#[derive(Clone, Copy)]
struct Target<'a> {
    repository: &'a Repository,
    digest: &'a Digest,
    layer: &'a Layer,
}

fn in_use(repository: &Repository, digest: &Digest) -> RegistryError {
    RegistryError::BlobInUse { repository: repository.name.clone(), digest: digest.clone() }
}
