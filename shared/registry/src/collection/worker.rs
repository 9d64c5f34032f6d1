use std::sync::Arc;

use async_trait::async_trait;

use super::{GracePeriods, RepositoryCollection};
use crate::error::RegistryError;
use crate::figures::{CountingProgress, ExistingImages};
use crate::jobs::{Job, Work, WorkError};
use crate::layout::UPLOADS;
use crate::ports::{
    Clock, DeleteObjects, ListObjects, StoreError, StoreErrorKind, Timestamp, WriteTable,
};

/// What collection stands on.
#[derive(Clone, Debug)]
pub struct CollectPorts {
    /// The table.
    pub table: Arc<dyn WriteTable>,
    /// The objects, to list.
    pub listed: Arc<dyn ListObjects>,
    /// The same objects, to delete.
    pub doomed: Arc<dyn DeleteObjects>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Collects what nothing uses: does the jobs of the queue `collect`.
#[derive(Clone, Debug)]
pub struct CollectWorker {
    pub(super) table: Arc<dyn WriteTable>,
    pub(super) listed: Arc<dyn ListObjects>,
    pub(super) doomed: Arc<dyn DeleteObjects>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) grace: GracePeriods,
    /// Counts images that an earlier version left uncounted, since this goes over all repositories.
    existing: Arc<ExistingImages>,
}

impl CollectWorker {
    /// Puts collection on `ports`.
    #[must_use]
    pub fn new(ports: CollectPorts, grace: GracePeriods) -> Self {
        let CollectPorts { table, listed, doomed, clock } = ports;
        let existing = Arc::new(ExistingImages::new(table.clone(), clock.clone()));
        Self { table, listed, doomed, clock, grace, existing }
    }

    /// Collects in one repository, and returns the job that goes on, if not all was done.
    async fn repository(
        &self,
        job: RepositoryCollection,
        until: Timestamp,
    ) -> Result<Option<Job>, RegistryError> {
        if job.after.is_none()
            && let CountingProgress::Interrupted =
                self.existing.count(&job.repository, &job.id, until).await?
        {
            return Ok(Some(Job::CollectRepository(job)));
        }
        // Layers come first, as in the order of sort keys.
        let is_at_uploads = job.after.as_ref().is_some_and(|after| after.starts_with(UPLOADS));
        let mut after = job.after.clone();
        let mut next = None;
        if !is_at_uploads {
            next = self.layers(&job.id, after.take(), until).await?;
        }
        if next.is_none() {
            next = self.uploads(&job.id, after, until).await?;
        }
        Ok(next.map(|after| {
            Job::CollectRepository(RepositoryCollection { after: Some(after), ..job })
        }))
    }

    /// Whether no time is left.
    pub(super) fn is_late(&self, until: Timestamp) -> bool {
        self.clock.now() >= until
    }
}

#[async_trait]
impl Work for CollectWorker {
    async fn work(&self, job: Job, until: Timestamp) -> Result<Vec<Job>, WorkError> {
        match job {
            Job::CollectRepository(job) => {
                Ok(self.repository(job, until).await?.into_iter().collect())
            }
            Job::CollectDeleted(job) => Ok(self.deleted(job, until).await?.into_iter().collect()),
            Job::CollectRegistry(job) => Ok(self.registry(job, until).await?),
            other => Err(WorkError::Hopeless(format!("nothing collects by {other:?}"))),
        }
    }
}

/// Makes the error of a sort key that is not one of its place.
pub(super) fn damaged(sort: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Damaged, format!("`{sort}` is no sort key of its place"))
}
