use async_trait::async_trait;

use super::LifecyclePreviews;
use crate::jobs::{Job, Work, WorkError};
use crate::ports::Timestamp;
use crate::registry::{RemovalPorts, directory};

/// Does the jobs of the queue of lifecycle policies.
#[derive(Clone, Debug)]
pub struct LifecycleWorker {
    previews: LifecyclePreviews,
}

impl LifecycleWorker {
    /// Puts the worker on `ports`.
    #[must_use]
    pub fn new(ports: &RemovalPorts) -> Self {
        let RemovalPorts { table, clock, .. } = ports.clone();
        let directory = directory(table.clone(), &clock);
        Self { previews: LifecyclePreviews { table, directory, clock } }
    }
}

#[async_trait]
impl Work for LifecycleWorker {
    async fn work(&self, job: Job, _until: Timestamp) -> Result<Vec<Job>, WorkError> {
        match job {
            Job::LifecyclePreview(job) => self.previews.run(&job).await?,
            other => {
                return Err(WorkError::Hopeless(format!("nothing does {other:?}")));
            }
        }
        Ok(Vec::new())
    }
}
