use std::collections::VecDeque;
use std::sync::Arc;

use berth_types::Digest;

use super::rehearsal::{RehearsalObjects, RehearsalTable};
use super::{CollectPorts, CollectWorker, GracePeriods, RegistryCollection, RepositoryCollection};
use crate::blobs::BlobObject;
use crate::document::decode;
use crate::jobs::{Job, Work as _, WorkError};
use crate::layout::{NAMES, ObjectOwner, Place, RepositoryId, parse_object_key};
use crate::ports::{
    Consistency, Item, MOST_LISTED, ObjectKey, Query, Select, StoreError, StoreErrorKind, Timestamp,
};

/// How many repositories are read at once.
const REPOSITORIES: usize = 500;

/// A moment that never comes: there is time for all.
const NEVER: Timestamp = Timestamp::from_millis(u64::MAX);

/// Collects all at once in a store that no request uses: nothing waits for its grace period but
/// uploads, whose clients may come back.
#[derive(Clone, Debug)]
pub struct OfflineCollection {
    ports: CollectPorts,
}

/// What collection takes away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Garbage {
    /// Objects, in the order of the store's list.
    pub objects: Vec<GarbageObject>,
    /// How many uploads, begun and not ended, that have bytes.
    pub uploads: usize,
}

/// An object that collection takes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GarbageObject {
    /// What it holds.
    pub content: GarbageContent,
    /// Size in bytes.
    pub size: u64,
}

/// What an object holds that collection takes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GarbageContent {
    /// A blob that no image uses.
    Blob(Digest),
    /// A manifest whose image is not there.
    Manifest(Digest),
    /// Bytes of an upload that came to nothing.
    Upload,
}

impl OfflineCollection {
    /// Puts it on the ports of a store that nobody else uses.
    #[must_use]
    pub fn new(ports: CollectPorts) -> Self {
        Self { ports }
    }

    /// Returns what [`collect`](Self::collect) would take away, and writes nothing. It holds all
    /// that would be changed.
    pub async fn rehearse(&self) -> Result<Garbage, WorkError> {
        let table = Arc::new(RehearsalTable::new(self.ports.table.clone()));
        let doomed = Arc::new(RehearsalObjects::default());
        let ports = CollectPorts { table, doomed: doomed.clone(), ..self.ports.clone() };
        collect_on(ports).await?;
        let deleted = doomed.deleted();
        let mut garbage = Garbage { objects: Vec::new(), uploads: doomed.aborted() };
        let mut after: Option<String> = None;
        loop {
            let listing = self.ports.listed.list(after.as_deref(), MOST_LISTED).await?;
            for object in listing.entries {
                if deleted.contains(&object.key) {
                    let content = self.content(&object.key).await?;
                    garbage.objects.push(GarbageObject { content, size: object.size });
                }
            }
            match listing.next {
                Some(next) => after = Some(next),
                None => return Ok(garbage),
            }
        }
    }

    /// Takes away all that nothing uses.
    pub async fn collect(&self) -> Result<(), WorkError> {
        collect_on(self.ports.clone()).await
    }

    /// Returns what an object holds.
    async fn content(&self, key: &ObjectKey) -> Result<GarbageContent, StoreError> {
        if let Some(ObjectOwner::Manifest(_, digest)) = parse_object_key(key) {
            return Ok(GarbageContent::Manifest(digest));
        }
        let blob = Place::Object(key).key();
        let item = self.ports.table.get(&blob, Consistency::Strong).await?;
        let blob = item.as_ref().map(decode::<BlobObject>).transpose()?;
        Ok(blob.map_or(GarbageContent::Upload, |blob| GarbageContent::Blob(blob.digest)))
    }
}

/// Does all jobs once: first those of deleted repositories, last that of objects.
async fn collect_on(ports: CollectPorts) -> Result<(), WorkError> {
    let worker = CollectWorker::new(ports.clone(), GracePeriods::OFFLINE);
    let registry = || Job::CollectRegistry(RegistryCollection::new());
    do_all(&worker, vec![registry()]).await?;
    let mut query = Query {
        partition: NAMES.to_owned(),
        prefix: String::new(),
        after: None,
        limit: REPOSITORIES,
        consistency: Consistency::Strong,
        select: Select::Items,
    };
    loop {
        let page = ports.table.query(&query).await?;
        let jobs: Result<_, StoreError> = page.items.iter().map(job_of).collect();
        do_all(&worker, jobs?).await?;
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    do_all(&worker, vec![registry()]).await
}

/// Returns the job of a repository that is listed.
fn job_of(listed: &Item) -> Result<Job, StoreError> {
    let name = listed.key.sort.parse();
    let name = name.map_err(|error| StoreError::new(StoreErrorKind::Damaged, error))?;
    let id: RepositoryId = decode(listed)?;
    Ok(Job::CollectRepository(RepositoryCollection::new(name, id)))
}

/// Does jobs, and those that follow from them.
async fn do_all(worker: &CollectWorker, jobs: Vec<Job>) -> Result<(), WorkError> {
    let mut jobs: VecDeque<_> = jobs.into();
    while let Some(job) = jobs.pop_front() {
        jobs.extend(worker.work(job, NEVER).await?);
    }
    Ok(())
}
