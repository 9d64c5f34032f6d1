use super::job::Stage;
use super::worker::{CollectWorker, damaged};
use super::{RegistryCollection, is_over};
use crate::blobs::{BlobObject, Layer};
use crate::contention::won;
use crate::document::decode;
use crate::error::RegistryError;
use crate::jobs::Job;
use crate::layout::{ObjectOwner, Place, RepositoryId, links, parse_object_key};
use crate::manifests::ManifestRecord;
use crate::ports::{
    Condition, Consistency, Item, Key, ListedMultipart, ListedObject, MOST_LISTED, ObjectKey,
    Operation, Query, Select, StoreError, Timestamp,
};
use crate::uploads::Collectable;

/// How many links of a blob are looked at at once.
const LINKS: usize = 100;

impl CollectWorker {
    /// Goes over the registry as a whole, and returns the jobs that follow.
    pub(super) async fn registry(
        &self,
        mut job: RegistryCollection,
        until: Timestamp,
    ) -> Result<Vec<Job>, RegistryError> {
        let mut jobs = Vec::new();
        loop {
            let next = match job.stage {
                Stage::Deleted => self.hand_on(&job, &mut jobs).await?,
                Stage::Objects => self.objects(job.after.as_deref()).await?,
                Stage::Multiparts => self.multiparts(job.after.as_deref()).await?,
            };
            job = match (next, job.stage) {
                (Some(next), stage) => RegistryCollection { stage, after: Some(next) },
                (None, Stage::Deleted) => RegistryCollection { stage: Stage::Objects, after: None },
                (None, Stage::Objects) => {
                    RegistryCollection { stage: Stage::Multiparts, after: None }
                }
                (None, Stage::Multiparts) => return Ok(jobs),
            };
            // What was handed on is sent before more is.
            if self.is_late(until) || job.stage == Stage::Deleted {
                jobs.push(Job::CollectRegistry(job));
                return Ok(jobs);
            }
        }
    }

    /// Deletes those of a page of objects that nothing names, and returns where the next begins.
    async fn objects(&self, after: Option<&str>) -> Result<Option<String>, RegistryError> {
        let listing = self.listed.list(after, MOST_LISTED).await?;
        let now = self.clock.now();
        let is_old = |object: &ListedObject| is_over(object.modified_at, self.grace.unnamed, now);
        let old: Vec<_> = listing.entries.into_iter().filter(is_old).collect();
        let keys: Vec<_> = old.iter().map(|object| Place::Object(&object.key).key()).collect();
        let items = self.table.batch_get(&keys, Consistency::Strong).await?;
        for (ListedObject { key, .. }, item) in old.iter().zip(items) {
            match (item, parse_object_key(key)) {
                (Some(item), _) => self.judge_blob(key, &item).await?,
                (None, Some(ObjectOwner::Upload(id, upload))) => {
                    // A session goes in the transaction that makes the item of its object. It is
                    // read first: who finds neither knows that there is none.
                    let session = Place::Upload(&id, &upload).key();
                    if !self.is_there(&session).await?
                        && !self.is_there(&Place::Object(key).key()).await?
                    {
                        self.doomed.delete(key).await?;
                    }
                }
                (None, Some(ObjectOwner::Manifest(id, digest))) => {
                    let manifest = Place::Manifest(&id, &digest).key();
                    let manifest = self.table.get(&manifest, Consistency::Strong).await?;
                    let record = manifest.as_ref().map(ManifestRecord::read).transpose()?;
                    if record.is_none_or(|record| record.object() != Some(key)) {
                        self.doomed.delete(key).await?;
                    }
                }
                // Made by an earlier version: goes with its layer or its image, or stays.
                (None, None) => {}
            }
        }
        Ok(listing.next)
    }

    /// Deletes the object of a blob, if a layer that named it went long ago, and none names it now.
    async fn judge_blob(&self, key: &ObjectKey, item: &Item) -> Result<(), RegistryError> {
        let object: BlobObject = decode(item)?;
        let now = self.clock.now();
        if object.loose_since.is_none_or(|since| !is_over(since, self.grace.unnamed, now)) {
            return Ok(());
        }
        let condition = Condition::Version(item.version);
        if self.is_named(key, &object).await? {
            let kept = BlobObject { loose_since: None, ..object };
            let operation = kept.put(key, item.version, condition)?;
            won(self.table.transact(vec![operation]).await)?;
            return Ok(());
        }
        let deletion = Operation::Delete { key: item.key.clone(), condition };
        if won(self.table.transact(vec![deletion]).await)? {
            self.doomed.delete(key).await?;
        }
        Ok(())
    }

    /// Whether a layer of any repository names the object.
    async fn is_named(&self, key: &ObjectKey, object: &BlobObject) -> Result<bool, RegistryError> {
        let mut query = Query {
            partition: links(&object.digest),
            prefix: String::new(),
            after: None,
            limit: LINKS,
            consistency: Consistency::Strong,
            select: Select::Keys,
        };
        loop {
            let page = self.table.query(&query).await?;
            let mut keys = Vec::new();
            for link in &page.items {
                let id =
                    RepositoryId::parse(&link.key.sort).ok_or_else(|| damaged(&link.key.sort))?;
                keys.push(Place::Layer(&id, &object.digest).key());
            }
            let layers = self.table.batch_get(&keys, Consistency::Strong).await?;
            for layer in layers.iter().flatten() {
                if decode::<Layer>(layer)?.object == *key {
                    return Ok(true);
                }
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => return Ok(false),
            }
        }
    }

    /// Gives those of a page of begun objects up that no session names, and returns where the next
    /// begins.
    async fn multiparts(&self, after: Option<&str>) -> Result<Option<String>, RegistryError> {
        let listing = self.listed.list_multiparts(after, MOST_LISTED).await?;
        for ListedMultipart { key, id, modified_at } in listing.entries {
            let is_old = is_over(modified_at, self.grace.unnamed, self.clock.now());
            let Some(ObjectOwner::Upload(repository, upload)) =
                parse_object_key(&key).filter(|_| is_old)
            else {
                continue;
            };
            let session = Place::Upload(&repository, &upload).key();
            let session = self.table.get(&session, Consistency::Strong).await?;
            let session = session.map(Collectable::read).transpose()?;
            if !session.is_some_and(|session| session.names(&key, &id)) {
                self.doomed.abort_multipart(&key, &id).await?;
            }
        }
        Ok(listing.next)
    }

    async fn is_there(&self, key: &Key) -> Result<bool, StoreError> {
        Ok(self.table.get(key, Consistency::Strong).await?.is_some())
    }
}
