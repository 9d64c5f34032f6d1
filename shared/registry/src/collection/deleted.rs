use super::range::Range;
use super::worker::{CollectWorker, damaged};
use super::{DeletedCollection, RegistryCollection};
use crate::blobs::Layer;
use crate::contention::{Attempts, won};
use crate::document::decode;
use crate::error::RegistryError;
use crate::jobs::Job;
use crate::layout::{
    DELETED, FIGURES, LAYERS, MANIFESTS, Place, RepositoryId, UPLOADS, content, parse_layer_key,
};
use crate::manifests::ManifestRecord;
use crate::ports::{
    Condition, Consistency, Item, MOST_OPERATIONS, Operation, Query, Select, Timestamp,
};
use crate::uploads::Collectable;

/// How many repositories one job hands on.
const MOST_HANDED_ON: usize = 100;

impl CollectWorker {
    /// Hands the deleted repositories on, each to a job of its own; returns where to go on, if there
    /// are more.
    pub(super) async fn hand_on(
        &self,
        job: &RegistryCollection,
        jobs: &mut Vec<Job>,
    ) -> Result<Option<String>, RegistryError> {
        let query = Query {
            partition: DELETED.to_owned(),
            prefix: String::new(),
            after: job.after.clone(),
            limit: MOST_HANDED_ON,
            consistency: Consistency::Strong,
            select: Select::Items,
        };
        let page = self.table.query(&query).await?;
        for item in &page.items {
            let id = RepositoryId::parse(&item.key.sort).ok_or_else(|| damaged(&item.key.sort))?;
            jobs.push(Job::CollectDeleted(DeletedCollection::new(decode(item)?, id)));
        }
        Ok(page.next)
    }

    /// Takes away what a deleted repository left; returns the job that goes on, if it is late. What
    /// says that it was deleted stays as long as a request may be running that knows its id, and
    /// comes last.
    pub(super) async fn deleted(
        &self,
        job: DeletedCollection,
        until: Timestamp,
    ) -> Result<Option<Job>, RegistryError> {
        let key = Place::Deleted(&job.id).key();
        let Some(deleted) = self.table.get(&key, Consistency::Strong).await? else {
            return Ok(None);
        };
        let mut attempts = Attempts::at(&job.repository);
        while let Some(is_done) = self.take_some(&job.id).await? {
            if self.is_late(until) {
                return Ok(Some(Job::CollectDeleted(job)));
            }
            if !is_done {
                attempts.next().await?;
            }
        }
        // Written once, when the repository was deleted.
        let deleted_at = Timestamp::from_millis(deleted.version);
        if deleted_at.plus(self.grace.unnamed) <= self.clock.now() && self.is_empty(&job.id).await?
        {
            let condition = Condition::Version(deleted.version);
            won(self.table.transact(vec![Operation::Delete { key, condition }]).await)?;
        }
        Ok(None)
    }

    /// Takes a batch away: `None` if there is none, else whether nobody else changed it meanwhile.
    async fn take_some(&self, id: &RepositoryId) -> Result<Option<bool>, RegistryError> {
        let mut plain = Vec::new();
        let mut large = Vec::new();
        let mut content = self.content(id);
        while let Some(item) = content.next().await?
            && plain.len() < MOST_OPERATIONS
        {
            let sort = item.key.sort.as_str();
            if sort == FIGURES {
                continue;
            }
            if sort.starts_with(LAYERS) {
                return self.take_layer(id, &item).await.map(Some);
            }
            if sort.starts_with(UPLOADS) {
                let session = Collectable::read(item)?;
                session.discard(self.table.as_ref(), self.doomed.as_ref()).await?;
                return Ok(Some(true));
            }
            if sort.starts_with(MANIFESTS) {
                large.extend(ManifestRecord::read(&item)?.object().cloned());
            }
            plain.push(Operation::Delete { key: item.key, condition: Condition::Any });
        }
        if plain.is_empty() {
            return Ok(None);
        }
        let won = won(self.table.transact(plain).await)?;
        for object in large.iter().filter(|_| won) {
            self.doomed.delete(object).await?;
        }
        Ok(Some(won))
    }

    async fn take_layer(&self, id: &RepositoryId, item: &Item) -> Result<bool, RegistryError> {
        let digest = parse_layer_key(&item.key.sort).ok_or_else(|| damaged(&item.key.sort))?;
        let layer: Layer = decode(item)?;
        let operations = layer.removal(id, &digest, item.version, self.clock.now())?;
        Ok(won(self.table.transact(operations).await)?)
    }

    /// Whether nothing is left. The figures are, until dispatch has read of the deletion.
    async fn is_empty(&self, id: &RepositoryId) -> Result<bool, RegistryError> {
        Ok(self.content(id).peek().await?.is_none())
    }

    fn content(&self, id: &RepositoryId) -> Range<'_> {
        Range::over(self.table.as_ref(), content(id), "", None, Select::Items)
    }
}
