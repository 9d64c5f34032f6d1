use berth_types::Digest;

use super::put::Pushed;
use super::transaction::use_items;
use crate::archive::{ImageStatus, StatusReader, Transitions};
use crate::blobs::Layer;
use crate::contention::{Attempts, won};
use crate::document::{decode, encode, put};
use crate::error::{MissingContent, RegistryError};
use crate::layout::Place;
use crate::ports::{Condition, Consistency, Item, MOST_OPERATIONS, Operation, TransactError};
use crate::registry::{Push, SparseManifests};
use crate::repositories::Repository;

impl Push {
    /// Looks again after a push: succeeds only if the repository stands then, unmarked, and has the
    /// blobs, and makes sure that these are kept, and that the image and its children are not in the
    /// archive. As the image's uses are there, what collection is about to do to a blob fails, if
    /// that was kept, or was done before, and is told here.
    pub(super) async fn settle(
        &self,
        repository: &Repository,
        pushed: &Pushed,
    ) -> Result<(), RegistryError> {
        let Pushed { blobs, .. } = pushed;
        let name = &repository.name;
        let mut keys = vec![Place::Repository(name).key()];
        keys.extend(blobs.iter().map(|blob| Place::Layer(&repository.id, blob).key()));
        let mut attempts = Attempts::at(name);
        loop {
            let items = self.table.batch_get(&keys, Consistency::Strong).await?;
            let record = items.first().and_then(Option::as_ref);
            let found = self.directory.learn(name, record)?;
            let (Some(found), Some(record)) =
                (found.filter(|found| found.id == repository.id), record)
            else {
                return Err(RegistryError::RepositoryUnknown(name.clone()));
            };
            let stands = self.is_unmarked(&found, record).await?;
            if stands {
                self.must_still_have(repository, pushed, &items[1..])?;
            }
            if stands
                && self.are_kept(repository, blobs, &items[1..]).await?
                && self.are_active(&found, pushed).await?
            {
                return Ok(());
            }
            attempts.next().await?;
        }
    }

    /// Looks again, after a push that wrote use items apart from their image, whether all are there,
    /// and writes those that are not. As long as the image is there nothing takes them away.
    pub(super) async fn settle_uses(
        &self,
        repository: &Repository,
        pushed: &Pushed,
    ) -> Result<(), RegistryError> {
        let operations = use_items(&repository.id, pushed, self.clock.now(), None)?;
        let keys: Vec<_> = operations.iter().map(|operation| operation.key().clone()).collect();
        let items = self.table.batch_get(&keys, Consistency::Strong).await?;
        let absent = operations.into_iter().zip(items).filter(|(_, item)| item.is_none());
        let absent: Vec<_> = absent.map(|(operation, _)| operation).collect();
        for operations in absent.chunks(MOST_OPERATIONS - 1) {
            let image = Place::Image(&repository.id, &pushed.digest).key();
            let mut operations = operations.to_vec();
            operations.push(Operation::Check { key: image, condition: Condition::Present });
            let mut attempts = Attempts::at(&pushed.digest);
            loop {
                match self.table.transact(operations.clone()).await {
                    // The image was deleted meanwhile.
                    Ok(()) | Err(TransactError::Conditions(_)) => break,
                    Err(TransactError::Conflict) => attempts.next().await?,
                    Err(TransactError::Store(error)) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Whether no deletion is under way. The mark of a process that died is taken away first.
    async fn is_unmarked(
        &self,
        repository: &Repository,
        record: &Item,
    ) -> Result<bool, RegistryError> {
        if repository.deletion_began.is_none() {
            return Ok(true);
        }
        if self.directory.is_being_deleted(repository) {
            return Ok(false);
        }
        let unmarked = Repository { deletion_began: None, ..repository.clone() };
        let key = Place::Repository(&repository.name).key();
        let condition = Condition::Version(record.version);
        let operation = put(key, encode(&unmarked)?, record.version, condition);
        Ok(won(self.table.transact(vec![operation]).await)?)
    }

    /// Refuses a push that lost a blob: collection took it away between the looks before and after
    /// the push, which so took longer than a grace period.
    fn must_still_have(
        &self,
        repository: &Repository,
        pushed: &Pushed,
        items: &[Option<Item>],
    ) -> Result<(), RegistryError> {
        let lost = pushed.blobs.iter().zip(items).filter(|(_, item)| item.is_none());
        let lost = lost.map(|(digest, _)| digest).filter(|digest| pushed.manifest.requires(digest));
        let missing: Vec<_> = lost.cloned().collect();
        if missing.is_empty() || self.rules.sparse_manifests == SparseManifests::Allow {
            return Ok(());
        }
        let (repository, content) = (repository.name.clone(), MissingContent::Layers);
        Err(RegistryError::ContentMissing { repository, content, missing })
    }

    /// Takes back deletions of the blobs that went on beside the push; `false` if one changed again.
    async fn are_kept(
        &self,
        repository: &Repository,
        blobs: &[Digest],
        items: &[Option<Item>],
    ) -> Result<bool, RegistryError> {
        let mut kept = true;
        for (digest, item) in blobs.iter().zip(items) {
            let Some(item) = item else { continue };
            let layer: Layer = decode(item)?;
            kept &= self.keep(repository, digest, &layer, item.version).await?;
        }
        Ok(kept)
    }

    /// Brings the image and its children back from the archive, where they were or went to beside
    /// the push; `false` if one changed again.
    async fn are_active(
        &self,
        repository: &Repository,
        pushed: &Pushed,
    ) -> Result<bool, RegistryError> {
        let statuses = StatusReader { table: self.table.as_ref(), repository };
        let images = std::iter::once(&pushed.digest).chain(&pushed.children);
        let (table, objects) = (self.table.clone(), self.objects.clone());
        let transitions = Transitions::new(table, objects, self.clock.clone());
        let mut active = true;
        for (digest, status) in statuses.of_all(images).await? {
            if status == ImageStatus::Active {
                continue;
            }
            if let Some(seen) = transitions.look(repository, &digest).await? {
                let origin = pushed.origin.clone();
                active &= seen.summary.storage.is_active()
                    || transitions.activate(repository, &seen, origin).await?;
            }
        }
        Ok(active)
    }
}
