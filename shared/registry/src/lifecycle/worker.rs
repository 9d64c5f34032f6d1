use std::sync::Arc;

use async_trait::async_trait;

use super::LifecyclePreviews;
use crate::archive::{Archive, Placement};
use crate::error::RegistryError;
use crate::jobs::{Job, Work, WorkError};
use crate::ports::{Clock, MoveObjects, Timestamp, WriteTable};
use crate::registry::{Removal, RemovalPorts, directory};

/// Does the jobs of the queue of lifecycle policies.
#[derive(Clone, Debug)]
pub struct LifecycleWorker {
    previews: LifecyclePreviews,
    pub(super) removal: Removal,
    pub(super) archive: Archive,
    placement: Placement,
}

impl LifecycleWorker {
    /// Puts the worker on `ports`, and on what moves the same objects.
    #[must_use]
    pub fn new(ports: &RemovalPorts, moving: Arc<dyn MoveObjects>) -> Self {
        let RemovalPorts { table, objects, clock, .. } = ports.clone();
        let directory = directory(table.clone(), &clock);
        let placement = Placement::new(table.clone(), objects.clone(), moving, clock.clone());
        let archive = Archive::new(table.clone(), objects, clock.clone(), directory.clone());
        Self {
            previews: LifecyclePreviews { table, objects: ports.objects.clone(), directory, clock },
            removal: Removal::new(ports),
            archive,
            placement,
        }
    }

    pub(super) fn table(&self) -> &dyn WriteTable {
        self.removal.table.as_ref()
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        self.removal.clock.as_ref()
    }
}

#[async_trait]
impl Work for LifecycleWorker {
    async fn work(&self, job: Job, until: Timestamp) -> Result<Vec<Job>, WorkError> {
        match job {
            Job::LifecyclePreview(job) => self.previews.run(&job).await?,
            Job::Lifecycle(job) => return self.run_policy(job, until).await,
            Job::Referrers(job) => return Ok(self.follow(job, until).await?),
            Job::PlaceLayers(job) => return Ok(self.placement.place(&job, until).await?),
            other => {
                return Err(WorkError::Hopeless(format!("nothing does {other:?}")));
            }
        }
        Ok(Vec::new())
    }

    async fn give_up(&self, job: &Job, _reason: &str) -> Result<(), RegistryError> {
        match job {
            Job::LifecyclePreview(job) => self.previews.give_up(job).await,
            // Nobody waits, or can ask again.
            _ => Ok(()),
        }
    }
}
