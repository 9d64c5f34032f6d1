//! Collection on a store, as its schedule and its queue would run it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use berth_registry::ports::{Clock as _, Timestamp, WriteTable};
use berth_registry::{
    CollectPorts, CollectWorker, DeletedCollection, GracePeriods, Job, RegistryCollection,
    RepositoryCollection, RepositoryId, Work as _,
};
use uuid::Uuid;

use super::Store;

/// A day, and some time for what takes longer than a moment.
pub const DAY: Duration = Duration::from_mins(24 * 60 + 1);

impl Store {
    /// Returns the worker with the grace periods of a registry.
    pub fn collector(&self) -> CollectWorker {
        self.collector_with(self.table.clone(), GracePeriods::default())
    }

    /// Returns the worker on another table than the store's, with other grace periods.
    pub fn collector_with(&self, table: Arc<dyn WriteTable>, grace: GracePeriods) -> CollectWorker {
        CollectWorker::new(CollectPorts { table, ..self.collect_ports() }, grace)
    }

    /// Returns what collection stands on.
    pub fn collect_ports(&self) -> CollectPorts {
        let (table, listed) = (self.table.clone(), Arc::clone(&self.listed));
        CollectPorts { table, listed, doomed: self.objects.clone(), clock: self.clock.clone() }
    }

    /// Returns the jobs of a period: of each repository, also those that were deleted, and of the
    /// registry.
    pub async fn collections(&self) -> Vec<Job> {
        let mut jobs = vec![Job::CollectRegistry(RegistryCollection::new())];
        for (name, item) in self.partition("names").await {
            let id: String = serde_json::from_slice(&item.document).unwrap();
            let (name, id) = (name.parse().unwrap(), id_of(&id));
            jobs.push(Job::CollectRepository(RepositoryCollection::new(name, id)));
        }
        for (id, item) in self.partition("deleted").await {
            let name = serde_json::from_slice(&item.document).unwrap();
            jobs.push(Job::CollectDeleted(DeletedCollection::new(name, id_of(&id))));
        }
        jobs
    }

    /// Does all jobs of a period, and those that follow.
    pub async fn collect(&self) {
        let collector = self.collector();
        let mut jobs: VecDeque<_> = self.collections().await.into();
        while let Some(job) = jobs.pop_front() {
            jobs.extend(collector.work(job, self.later()).await.unwrap());
        }
    }

    /// Collects on each of so many days.
    pub async fn collect_for_days(&self, days: u32) {
        for _ in 0..days {
            self.collect().await;
            self.clock.advance(DAY);
        }
        self.collect().await;
    }

    /// Returns a time until which any job is done.
    pub fn later(&self) -> Timestamp {
        self.clock.now().plus(Duration::from_hours(1))
    }
}

fn id_of(text: &str) -> RepositoryId {
    RepositoryId::new(Uuid::try_parse(text).unwrap())
}
