use berth_types::{Digest, RepositoryName};

use super::record::{Deletion, Layer, LayerStorage, Link};
use crate::access::{Action, Caller, Facts, Gate, GateError, RepositoryPermit};
use crate::contention::won;
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{Place, links};
use crate::ports::{Consistency, Query, Select};
use crate::registry::Push;
use crate::repositories::Repository;
use crate::settings::{BLOB_MOUNTING, BlobMounting};

/// How many linking repositories are tried when a mount names no source.
const MOST_SOURCES: usize = 16;

/// Where a mount may take its blob from. Whoever mounts a blob could as well have downloaded it:
/// so the gate is asked for [`Action::GetDownloadUrlForLayer`].
#[derive(Debug)]
pub enum MountFrom<'a> {
    /// From this repository.
    Repository(RepositoryPermit),
    /// From any repository for which the gate gives the caller a permit.
    Any(MountSources<'a>),
}

/// Whom to ask for the sources of a mount.
#[derive(Clone, Copy, Debug)]
pub struct MountSources<'a> {
    /// The gate.
    pub gate: &'a Gate,
    /// Who mounts.
    pub caller: &'a Caller,
    /// What else is known of the request.
    pub facts: &'a Facts,
}

impl MountSources<'_> {
    /// Returns the permit to take a blob from `name`; `None` if the caller may not.
    pub async fn permit(
        &self,
        name: &RepositoryName,
    ) -> Result<Option<RepositoryPermit>, RegistryError> {
        let action = Action::GetDownloadUrlForLayer;
        match self.gate.repository(self.caller, action, name, self.facts).await {
            Ok(permit) => Ok(Some(permit)),
            Err(GateError::Denied(_)) => Ok(None),
            Err(GateError::Registry(error)) => Err(error),
        }
    }
}

impl Push {
    /// Links a blob of another repository into the one that the permit names. `false` if there is
    /// no such blob to link, which is no error: the client then uploads it.
    pub async fn mount(
        &self,
        permit: &RepositoryPermit,
        create: Option<&RepositoryPermit>,
        digest: &Digest,
        from: MountFrom<'_>,
    ) -> Result<bool, RegistryError> {
        permit.must_be(Action::InitiateLayerUpload);
        let repository = self.repository_to_push(permit, create).await?;
        match from {
            MountFrom::Repository(source) => {
                source.must_be_any(&[Action::GetDownloadUrlForLayer]);
                self.mount_from(&repository, digest, source.name()).await
            }
            MountFrom::Any(sources) => {
                for name in self.linking_repositories(digest).await? {
                    let Some(source) = sources.permit(&name).await? else {
                        continue;
                    };
                    source.must_be_any(&[Action::GetDownloadUrlForLayer]);
                    if self.mount_from(&repository, digest, source.name()).await? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    /// Links a blob of any other repository into `target`, for a registry that has the blob itself
    /// and replicates it. `false` if there is none to link.
    pub(crate) async fn link_anywhere(
        &self,
        target: &Repository,
        digest: &Digest,
    ) -> Result<bool, RegistryError> {
        for name in self.linking_repositories(digest).await? {
            if self.mount_from(target, digest, &name).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn linking_repositories(
        &self,
        digest: &Digest,
    ) -> Result<Vec<RepositoryName>, RegistryError> {
        let query = Query {
            partition: links(digest),
            prefix: String::new(),
            after: None,
            limit: MOST_SOURCES,
            consistency: Consistency::Strong,
            select: Select::Items,
        };
        let page = self.table.query(&query).await?;
        let mut names = Vec::new();
        for item in &page.items {
            names.push(decode::<Link>(item)?.repository);
        }
        Ok(names)
    }

    async fn mount_from(
        &self,
        target: &Repository,
        digest: &Digest,
        source: &RepositoryName,
    ) -> Result<bool, RegistryError> {
        let source = match self.directory.current(source).await {
            Ok((source, _)) => source,
            Err(RegistryError::RepositoryUnknown(_)) => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut keys = vec![
            Place::Setting(BLOB_MOUNTING).key(),
            Place::Repository(&target.name).key(),
            Place::Layer(&source.id, digest).key(),
        ];
        if source.id != target.id {
            keys.push(Place::Layer(&target.id, digest).key());
        }
        let items = self.table.batch_get(&keys, Consistency::Strong).await?;
        let (mounting, items) = items.split_first().unwrap_or((&None, &[]));
        let mounting = mounting.as_ref().map(decode::<BlobMounting>).transpose()?;
        let (record, items) = items.split_first().unwrap_or((&None, &[]));
        let stands = self.directory.learn(&target.name, record.as_ref())?;
        if stands.is_none_or(|stands| stands.id != target.id) {
            return Err(RegistryError::RepositoryUnknown(target.name.clone()));
        }
        if mounting == Some(BlobMounting::Disabled) {
            return Ok(false);
        }
        let found = items.first().and_then(Option::as_ref).map(decode::<Layer>).transpose()?;
        let Some(found) = found.filter(|found| found.is_visible() && found.is_at_hand()) else {
            return Ok(false);
        };
        if source.encryption != target.encryption {
            return Ok(false);
        }
        match items.last().and_then(Option::as_ref) {
            Some(item) => {
                let layer: Layer = decode(item)?;
                self.keep(target, digest, &layer, item.version).await
            }
            // Its object may go as soon as no request is left that saw it uncondemned.
            None if !found.is_offered() => Ok(false),
            None => self.link(target, digest, &found).await,
        }
    }

    async fn link(
        &self,
        target: &Repository,
        digest: &Digest,
        layer: &Layer,
    ) -> Result<bool, RegistryError> {
        let (deletion, storage) = (Deletion::None, LayerStorage::Standard);
        let layer = Layer { deletion, storage, ..layer.clone() };
        let operations = layer.creation(target, digest, self.clock.now())?;
        // If somebody else links or hides it at this moment, the client may upload it.
        Ok(won(self.table.transact(operations).await)?)
    }

    /// Takes a layer's deletion back, if there is one, and the layer out of the archive; `false` if it
    /// changed meanwhile.
    pub(crate) async fn keep(
        &self,
        repository: &Repository,
        digest: &Digest,
        layer: &Layer,
        version: u64,
    ) -> Result<bool, RegistryError> {
        if layer.is_kept() {
            return Ok(true);
        }
        let operations = layer.keeping(repository, digest, version, self.clock.now())?;
        Ok(won(self.table.transact(operations).await)?)
    }
}
