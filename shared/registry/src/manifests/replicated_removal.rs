//! What other registries deleted, and is deleted here as well.

use berth_types::{Digest, Tag};

use super::delete::{raise, untag};
use super::record::TagRecord;
use crate::access::{Action, RepositoryPermit};
use crate::contention::{Attempts, won};
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::Place;
use crate::outbox::{Change, Event};
use crate::ports::{Condition, Consistency};
use crate::registry::Removal;
use crate::repositories::Repository;

/// How many tags go in one transaction.
const AT_ONCE: usize = 20;

impl Removal {
    /// Deletes an image that another registry deleted, with all its tags. One that is not there is
    /// no error.
    pub(crate) async fn delete_replicated(
        &self,
        permit: &RepositoryPermit,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        permit.must_be(Action::ReplicateImage);
        let mut attempts = Attempts::at(digest);
        loop {
            // The tags are read after the image: one that comes later raises its version.
            let mut doomed = match self.look_at_image(repository, digest).await {
                Err(RegistryError::ManifestUnknown { .. }) => return Ok(()),
                looked => looked?,
            };
            let mut tags = self.few_tags(&repository.id, digest).await?;
            let gone = if tags.len() <= AT_ONCE {
                (doomed.tags, doomed.origin) = (tags, permit.origin().cloned());
                self.delete_doomed(repository, digest, &doomed).await?
            } else {
                tags.truncate(AT_ONCE);
                self.take_tags(permit, repository, digest, tags).await?;
                continue;
            };
            if gone {
                return Ok(());
            }
            attempts.next().await?;
        }
    }

    /// Takes tags away from an image that lost them in another registry. Those that are not the
    /// image's are left where they are.
    pub(crate) async fn untag_replicated(
        &self,
        permit: &RepositoryPermit,
        repository: &Repository,
        digest: &Digest,
        tags: &[Tag],
    ) -> Result<(), RegistryError> {
        permit.must_be(Action::ReplicateImage);
        for tags in tags.chunks(AT_ONCE) {
            self.take_tags(permit, repository, digest, tags.to_vec()).await?;
        }
        Ok(())
    }

    async fn take_tags(
        &self,
        permit: &RepositoryPermit,
        repository: &Repository,
        digest: &Digest,
        tags: Vec<Tag>,
    ) -> Result<(), RegistryError> {
        let id = &repository.id;
        let keys: Vec<_> = tags.iter().map(|tag| Place::Tag(id, tag).key()).collect();
        let mut attempts = Attempts::at(digest);
        loop {
            let items = self.table.batch_get(&keys, Consistency::Strong).await?;
            let (mut own, mut media_type) = (Vec::new(), None);
            for (tag, item) in tags.iter().zip(items) {
                let record = item.as_ref().map(decode::<TagRecord>).transpose()?;
                if let Some(record) = record.filter(|record| record.digest == *digest) {
                    own.push(tag.clone());
                    media_type = Some(record.media_type);
                }
            }
            let Some(media_type) = media_type else { return Ok(()) };
            let mut operations: Vec<_> =
                own.iter().flat_map(|tag| untag(id, digest, tag)).collect();
            operations.push(raise(id, digest, Condition::Present));
            let change = Change::TagsRemoved {
                repository: repository.name.clone(),
                repository_id: id.clone(),
                digest: digest.clone(),
                media_type,
                tags: own,
                origin: permit.origin().cloned(),
            };
            operations.push(Event::new(change, self.clock.now()).operation()?);
            if won(self.table.transact(operations).await)? {
                return Ok(());
            }
            attempts.next().await?;
        }
    }
}
