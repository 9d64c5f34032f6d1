use std::sync::Arc;

use berth_types::{Digest, Reference, RepositoryName};

use super::job::{Placed, PlacementJob};
use super::status::ImageStatus;
use super::transition::{SeenImage, Transitions};
use crate::access::{Action, RepositoryPermit};
use crate::contention::{Attempts, won};
use crate::document::{encode, put};
use crate::error::RegistryError;
use crate::jobs::Job;
use crate::layout::Place;
use crate::manifests::ImageSelector;
use crate::outbox::{Change, Event};
use crate::ports::{Clock, Condition, Operation, ReadObjects, StorageClass, WriteTable};
use crate::repositories::{Directory, Repository};

/// The use cases of the archive.
///
/// Follows [Archiving an image in Amazon ECR](https://docs.aws.amazon.com/AmazonECR/latest/userguide/archive_restore_image.html).
#[derive(Clone, Debug)]
pub struct Archive {
    table: Arc<dyn WriteTable>,
    clock: Arc<dyn Clock>,
    directory: Arc<Directory>,
    transitions: Transitions,
}

/// Why an image can't go to the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StorageRefusal {
    /// It would be missing to an index that can be pulled.
    #[error("a manifest list that is not archived refers to it")]
    Referenced,
    /// It is on its way back from there.
    #[error("it is being restored")]
    Activating,
}

/// What became of an image that was to be kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageUpdate {
    /// Digest of the image.
    pub digest: Digest,
    /// Its status now.
    pub status: ImageStatus,
}

impl Archive {
    pub(crate) fn new(
        table: Arc<dyn WriteTable>,
        objects: Arc<dyn ReadObjects>,
        clock: Arc<dyn Clock>,
        directory: Arc<Directory>,
    ) -> Self {
        let transitions = Transitions::new(table.clone(), objects, clock.clone());
        Self { table, clock, directory, transitions }
    }

    /// Moves an image of the repository that the permit names to the archive, or begins to bring it
    /// back, again if it is on its way. One that is there already stays there.
    ///
    /// # Errors
    ///
    /// [`RegistryError::StorageUpdateRefused`] if an index that can be pulled lists an image that
    /// is to go to the archive, or if it is on its way back from there.
    pub async fn update_storage_class(
        &self,
        permit: &RepositoryPermit,
        selector: &ImageSelector,
        class: StorageClass,
    ) -> Result<StorageUpdate, RegistryError> {
        permit.must_be(Action::UpdateImageStorageClass);
        let name = permit.name();
        let mut attempts = Attempts::at(name);
        loop {
            let (repository, _) = self.directory.current(name).await?;
            let digest = selector.resolve(self.table.as_ref(), &repository).await?;
            let seen = self.transitions.look(&repository, &digest).await?;
            let seen = seen.ok_or_else(|| RegistryError::ManifestUnknown {
                repository: name.clone(),
                reference: Reference::Digest(digest.clone()),
            })?;
            let refuse = |reason| RegistryError::StorageUpdateRefused {
                repository: name.clone(),
                digest: digest.clone(),
                reason,
            };
            let changed = match (class, seen.summary.storage.status) {
                (StorageClass::Archive, ImageStatus::Active) if seen.active_parents > 0 => {
                    return Err(refuse(StorageRefusal::Referenced));
                }
                (StorageClass::Archive, ImageStatus::Activating) => {
                    return Err(refuse(StorageRefusal::Activating));
                }
                (StorageClass::Archive, ImageStatus::Active) => {
                    self.prepare(name).await?;
                    let archived = self.transitions.archive(&repository, &seen, Vec::new()).await?;
                    archived.then_some(ImageStatus::Archived)
                }
                // The job of one that is on its way may have been given up: it is asked for again.
                (StorageClass::Standard, ImageStatus::Archived | ImageStatus::Activating) => {
                    let begun = self.begin_return(&repository, &seen).await?;
                    begun.then_some(ImageStatus::Activating)
                }
                (_, status) => Some(status),
            };
            if let Some(status) = changed {
                return Ok(StorageUpdate { digest, status });
            }
            attempts.next().await?;
        }
    }

    /// Moves an image to the archive that is as it was judged, of this `version`, if `checks` hold.
    /// `false` if it changed since, or is gone, or if an index that can be pulled lists it.
    pub(crate) async fn archive_judged(
        &self,
        repository: &Repository,
        digest: &Digest,
        version: u64,
        checks: Vec<Operation>,
    ) -> Result<bool, RegistryError> {
        let seen = self.transitions.look(repository, digest).await?;
        let is_judged = |seen: &SeenImage| seen.version == version && seen.active_parents == 0;
        let Some(seen) = seen.filter(is_judged) else { return Ok(false) };
        if !seen.summary.storage.is_active() {
            return Ok(false);
        }
        self.prepare(&repository.name).await?;
        self.transitions.archive(repository, &seen, checks).await
    }

    /// Begins to bring an image back, if it is in the archive. `false` if it changed meanwhile.
    pub(crate) async fn bring_back(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, RegistryError> {
        match self.transitions.look(repository, digest).await? {
            Some(seen) if seen.summary.storage.status == ImageStatus::Archived => {
                self.begin_return(repository, &seen).await
            }
            _ => Ok(true),
        }
    }

    /// Begins to bring an image back, and asks for the job that does the rest. `false` if it changed
    /// since it was seen.
    async fn begin_return(
        &self,
        repository: &Repository,
        seen: &SeenImage,
    ) -> Result<bool, RegistryError> {
        let (name, id) = (repository.name.clone(), repository.id.clone());
        let of = Placed::Image(seen.digest.clone());
        let job = Job::PlaceLayers(PlacementJob { repository: name, id, of });
        let asked = Event::new(Change::Asked { job }, self.clock.now());
        self.transitions.change(repository, seen, ImageStatus::Activating, vec![asked]).await
    }

    /// Takes note that the repository has an archive, so that its pulls look at images' statuses.
    async fn prepare(&self, name: &RepositoryName) -> Result<(), RegistryError> {
        let mut attempts = Attempts::at(name);
        loop {
            let (repository, version) = self.directory.current(name).await?;
            if repository.archived_since.is_some() {
                return Ok(());
            }
            let archived_since = Some(self.clock.now());
            let marked = Repository { archived_since, ..Repository::clone(&repository) };
            let key = Place::Repository(name).key();
            let condition = Condition::Version(version);
            let operation = put(key, encode(&marked)?, version, condition);
            if won(self.table.transact(vec![operation]).await)? {
                self.directory.forget(name);
                return Ok(());
            }
            attempts.next().await?;
        }
    }
}
