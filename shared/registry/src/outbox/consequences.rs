//! The jobs that follow from what changed.

use super::{Change, Event};
use crate::jobs::Job;

impl Event {
    /// Returns the jobs that follow from the event.
    pub(super) fn consequences(&self) -> Vec<Job> {
        match &self.change {
            Change::Asked { job } => vec![job.clone()],
            Change::ImagePushed { .. }
            | Change::ImageDeleted { .. }
            | Change::TagsRemoved { .. }
            | Change::RepositoryDeleted { .. } => Vec::new(),
        }
    }
}
