use super::range::Range;
use super::worker::{CollectWorker, damaged};
use super::{DeletedCollection, RegistryCollection, is_over};
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
    Condition, Consistency, Item, MOST_OPERATIONS, ObjectKey, Operation, Query, Select, Timestamp,
};
use crate::uploads::Collectable;

/// How many repositories one job hands on.
const MOST_HANDED_ON: usize = 100;

/// The most operations that take one item away: those of a layer.
const MOST_OF_AN_ITEM: usize = 3;

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
        loop {
            match self.take_all(&job.id, until).await? {
                Taken::Nothing => break,
                Taken::All => {}
                Taken::Some => attempts.next().await?,
                Taken::OutOfTime => return Ok(Some(Job::CollectDeleted(job))),
            }
        }
        // Written once, when the repository was deleted.
        let deleted_at = Timestamp::from_millis(deleted.version);
        if is_over(deleted_at, self.grace.unnamed, self.clock.now())
            && self.is_empty(&job.id).await?
        {
            let condition = Condition::Version(deleted.version);
            won(self.table.transact(vec![Operation::Delete { key, condition }]).await)?;
        }
        Ok(None)
    }

    /// Goes over all that is left, and takes it away, in as few transactions as it fits.
    async fn take_all(&self, id: &RepositoryId, until: Timestamp) -> Result<Taken, RegistryError> {
        let mut taken = Taken::Nothing;
        let mut batch = Batch::default();
        let mut content = self.content(id);
        loop {
            let item = content.next().await?;
            let is_last = item.is_none();
            if let Some(item) = item.filter(|item| item.key.sort != FIGURES) {
                if item.key.sort.starts_with(UPLOADS) {
                    let session = Collectable::read(item)?;
                    session.discard(self.table.as_ref(), self.doomed.as_ref()).await?;
                } else {
                    batch.add(id, item, self.clock.now())?;
                }
                taken = taken.max(Taken::All);
            }
            let is_late = taken != Taken::Nothing && self.is_late(until);
            if is_last || is_late || batch.is_full() {
                if !self.take(std::mem::take(&mut batch)).await? {
                    taken = taken.max(Taken::Some);
                }
                if is_last {
                    return Ok(taken);
                }
            }
            if is_late {
                return Ok(Taken::OutOfTime);
            }
        }
    }

    /// Takes a batch away; `false` if somebody else changed it meanwhile.
    async fn take(&self, batch: Batch) -> Result<bool, RegistryError> {
        if batch.operations.is_empty() {
            return Ok(true);
        }
        let won = won(self.table.transact(batch.operations).await)?;
        for object in batch.manifests.iter().filter(|_| won) {
            self.doomed.delete(object).await?;
        }
        Ok(won)
    }

    /// Whether nothing is left. The figures are, until dispatch has read of the deletion.
    async fn is_empty(&self, id: &RepositoryId) -> Result<bool, RegistryError> {
        Ok(self.content(id).peek().await?.is_none())
    }

    fn content(&self, id: &RepositoryId) -> Range<'_> {
        Range::over(self.table.as_ref(), content(id), "", None, Select::Items)
    }
}

/// What came of a walk over what a deleted repository left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Taken {
    /// There was nothing.
    Nothing,
    /// What was seen is gone.
    All,
    /// Some of it changed meanwhile, and is still there.
    Some,
    /// The time was up.
    OutOfTime,
}

/// What goes in one transaction.
#[derive(Debug, Default)]
struct Batch {
    operations: Vec<Operation>,
    /// Objects of manifests, which go after it.
    manifests: Vec<ObjectKey>,
}

impl Batch {
    /// Adds what takes an item away.
    fn add(&mut self, id: &RepositoryId, item: Item, now: Timestamp) -> Result<(), RegistryError> {
        let sort = item.key.sort.as_str();
        if sort.starts_with(LAYERS) {
            let digest = parse_layer_key(sort).ok_or_else(|| damaged(sort))?;
            let layer: Layer = decode(&item)?;
            self.operations.extend(layer.removal(id, &digest, item.version, now)?);
            return Ok(());
        }
        if sort.starts_with(MANIFESTS) {
            self.manifests.extend(ManifestRecord::read(&item)?.object().cloned());
        }
        self.operations.push(Operation::Delete { key: item.key, condition: Condition::Any });
        Ok(())
    }

    /// Whether there may be no room for another item.
    fn is_full(&self) -> bool {
        self.operations.len() + MOST_OF_AN_ITEM > MOST_OPERATIONS
    }
}
