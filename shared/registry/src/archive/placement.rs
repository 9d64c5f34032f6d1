use std::collections::HashSet;
use std::sync::Arc;

use berth_types::{Digest, Manifest};

use super::job::{Placed, PlacementJob};
use super::layers::Layers;
use super::status::ImageStatus;
use super::transition::Transitions;
use crate::contention::Attempts;
use crate::error::RegistryError;
use crate::jobs::Job;
use crate::manifests::distinct;
use crate::ports::{Clock, MoveObjects, ReadObjects, Timestamp, WriteTable};
use crate::repositories::{Directory, Repository};

/// Brings bytes to where images need them: what the archive leaves to a job.
#[derive(Clone, Debug)]
pub struct Placement {
    directory: Arc<Directory>,
    clock: Arc<dyn Clock>,
    transitions: Transitions,
    layers: Layers,
}

/// Whether something was done, or time ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Done,
    OutOfTime,
}

impl Placement {
    /// Puts the worker on a registry's ports.
    #[must_use]
    pub fn new(
        table: Arc<dyn WriteTable>,
        objects: Arc<dyn ReadObjects>,
        moving: Arc<dyn MoveObjects>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let directory = Arc::new(Directory::new(table.clone(), clock.clone()));
        let transitions = Transitions::new(table.clone(), objects, clock.clone());
        Self { directory, clock, transitions, layers: Layers::new(table, moving) }
    }

    /// Brings the bytes of an image or a layer to where images need them now. An image that is on
    /// its way back from the archive is back then, and so are the children of an index. What can't
    /// be done until `until` is left to the job that is returned.
    ///
    /// Done twice, or again after it was cut off anywhere, it comes to the same.
    pub async fn place(
        &self,
        job: &PlacementJob,
        until: Timestamp,
    ) -> Result<Vec<Job>, RegistryError> {
        let repository = match self.directory.current(&job.repository).await {
            Ok((repository, _)) if repository.id == job.id => repository,
            Ok(_) | Err(RegistryError::RepositoryUnknown(_)) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let progress = match &job.of {
            Placed::Layer(layer) => {
                self.layers.place(&repository, layer).await?;
                Progress::Done
            }
            Placed::Image(digest) => self.place_image(&repository, digest, until).await?,
        };
        match progress {
            Progress::Done => Ok(Vec::new()),
            Progress::OutOfTime => Ok(vec![Job::PlaceLayers(job.clone())]),
        }
    }

    async fn place_image(
        &self,
        repository: &Repository,
        digest: &Digest,
        until: Timestamp,
    ) -> Result<Progress, RegistryError> {
        match self.transitions.look(repository, digest).await? {
            None => Ok(Progress::Done),
            Some(seen) if seen.summary.storage.status == ImageStatus::Archived => {
                self.place_layers(repository, digest, until).await
            }
            Some(_) => self.bring_back(repository, digest, until).await,
        }
    }

    /// Brings an image back, after the images that it lists, if it is an index.
    async fn bring_back(
        &self,
        repository: &Repository,
        digest: &Digest,
        until: Timestamp,
    ) -> Result<Progress, RegistryError> {
        let mut visited = HashSet::new();
        // What is to be visited; or, once its children are back, to be finished.
        let mut stack = vec![(digest.clone(), false)];
        while let Some((image, are_children_back)) = stack.pop() {
            if are_children_back {
                if self.finish(repository, &image, until).await? == Progress::OutOfTime {
                    return Ok(Progress::OutOfTime);
                }
            } else if visited.insert(image.clone()) {
                let children = self.begin(repository, &image).await?;
                stack.push((image, true));
                stack.extend(children.into_iter().map(|child| (child, false)));
            }
        }
        Ok(Progress::Done)
    }

    /// Begins to bring an image back, and returns the images that it lists.
    async fn begin(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Vec<Digest>, RegistryError> {
        let mut attempts = Attempts::at(digest);
        loop {
            let Some(seen) = self.transitions.look(repository, digest).await? else {
                return Ok(Vec::new());
            };
            let is_begun = seen.summary.storage.status != ImageStatus::Archived;
            let (status, events) = (ImageStatus::Activating, Vec::new());
            if is_begun || self.transitions.change(repository, &seen, status, events).await? {
                return self.transitions.counted_children(repository, &seen).await;
            }
            attempts.next().await?;
        }
    }

    /// Brings an image's layers back, and then the image.
    async fn finish(
        &self,
        repository: &Repository,
        digest: &Digest,
        until: Timestamp,
    ) -> Result<Progress, RegistryError> {
        if self.place_layers(repository, digest, until).await? == Progress::OutOfTime {
            return Ok(Progress::OutOfTime);
        }
        let mut attempts = Attempts::at(digest);
        loop {
            let Some(seen) = self.transitions.look(repository, digest).await? else {
                return Ok(Progress::Done);
            };
            if seen.summary.storage.status != ImageStatus::Activating
                || self.transitions.activate(repository, &seen, None).await?
            {
                return Ok(Progress::Done);
            }
            attempts.next().await?;
        }
    }

    /// Brings the layers of an image to where images need them.
    async fn place_layers(
        &self,
        repository: &Repository,
        digest: &Digest,
        until: Timestamp,
    ) -> Result<Progress, RegistryError> {
        let manifest = self.transitions.manifest(repository, digest).await?;
        let blobs = manifest.iter().flat_map(Manifest::blobs).map(|blob| blob.digest.clone());
        for layer in distinct(blobs) {
            if self.clock.now() >= until {
                return Ok(Progress::OutOfTime);
            }
            self.layers.place(repository, &layer).await?;
        }
        Ok(Progress::Done)
    }
}
