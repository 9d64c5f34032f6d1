use berth_types::Digest;

use super::record::Layer;
use crate::access::{Action, RepositoryPermit};
use crate::contention::{Attempts, won};
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{Place, content, uses};
use crate::ports::{Consistency, Query, Select, Timestamp};
use crate::registry::Removal;
use crate::repositories::Repository;

impl Removal {
    /// Deletes a blob of the repository that the permit names, unless an image uses it. Its bytes
    /// are left to collection.
    ///
    /// The blob is hidden first and its uses are looked for afterwards: a manifest push that
    /// committed before is seen here, one that commits later sees the hidden layer when it looks
    /// again, and shows it.
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
            let (Some(item), Some(layer @ Layer { hidden_at: None, .. })) = (item, layer) else {
                let repository = repository.name.clone();
                return Err(RegistryError::BlobUnknown { repository, digest: digest.clone() });
            };
            if self.is_used(&repository, digest).await? {
                return Err(in_use(&repository, digest));
            }
            let now = Some(self.clock.now());
            if !self.set_hidden(&repository, digest, &layer, item.version, now).await? {
                attempts.next().await?;
                continue;
            }
            if !self.is_used(&repository, digest).await? {
                return Ok(());
            }
            // If the layer changed meanwhile, whoever changed it has shown it already.
            self.set_hidden(&repository, digest, &layer, item.version + 1, None).await?;
            return Err(in_use(&repository, digest));
        }
    }

    /// Hides or shows a layer of this `version`; `false` if it changed meanwhile.
    async fn set_hidden(
        &self,
        repository: &Repository,
        digest: &Digest,
        layer: &Layer,
        version: u64,
        hidden_at: Option<Timestamp>,
    ) -> Result<bool, RegistryError> {
        let operation = layer.change(repository, digest, version, hidden_at)?;
        Ok(won(self.table.transact(vec![operation]).await)?)
    }

    async fn is_used(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, RegistryError> {
        let query = Query {
            partition: content(&repository.id),
            prefix: uses(digest),
            after: None,
            limit: 1,
            consistency: Consistency::Strong,
            select: Select::Keys,
        };
        Ok(!self.table.query(&query).await?.items.is_empty())
    }
}

fn in_use(repository: &Repository, digest: &Digest) -> RegistryError {
    RegistryError::BlobInUse { repository: repository.name.clone(), digest: digest.clone() }
}
