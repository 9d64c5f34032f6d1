use std::fmt;

use async_trait::async_trait;

use super::Job;
use crate::error::RegistryError;
use crate::ports::{StoreError, Timestamp};

/// Does the jobs of one queue.
#[async_trait]
pub trait Work: fmt::Debug + Send + Sync {
    /// Does `job`, and returns the jobs that follow from it, which are sent before it counts as
    /// done. What can't be done until `until` is left to one of these.
    async fn work(&self, job: Job, until: Timestamp) -> Result<Vec<Job>, WorkError>;

    /// Tells whoever waits for `job` that it is about to be set aside, for this `reason`. It may
    /// be tried again all the same: by somebody, or because it could not be set aside.
    async fn give_up(&self, _job: &Job, _reason: &str) -> Result<(), RegistryError> {
        Ok(())
    }
}

/// Why a job was not done.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// It may succeed when it is tried again.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// It will never succeed: it is set aside at once, with this reason.
    #[error("{0}")]
    Hopeless(String),
}

impl From<StoreError> for WorkError {
    fn from(error: StoreError) -> Self {
        Self::Registry(error.into())
    }
}
