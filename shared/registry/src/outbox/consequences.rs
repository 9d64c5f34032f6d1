//! The jobs that follow from what changed.

use super::{Change, ChangedImage, Event};
use crate::archive::{Placed, PlacementJob};
use crate::jobs::Job;

impl Event {
    /// Returns the jobs that follow from the event.
    pub(super) fn consequences(&self) -> Vec<Job> {
        match &self.change {
            Change::Asked { job } => vec![job.clone()],
            Change::ImageArchived { image } | Change::ImageActivated { image } => {
                vec![Job::PlaceLayers(placement(image))]
            }
            Change::ImagePushed { .. }
            | Change::ImageDeleted { .. }
            | Change::TagsRemoved { .. }
            | Change::RepositoryDeleted { .. } => Vec::new(),
        }
    }
}

/// Returns the job that brings the layers of an image to where it needs them now.
fn placement(image: &ChangedImage) -> PlacementJob {
    PlacementJob {
        repository: image.repository.clone(),
        id: image.repository_id.clone(),
        of: Placed::Image(image.digest.clone()),
    }
}
