use std::collections::BTreeMap;

use berth_lifecycle::LifecyclePolicy;
use berth_types::RepositoryName;

use super::failure::ReplicationFailure;
use super::{Peer, Peers, ReplicateJob, ReplicateWorker};
use crate::access::{Action, RepositoryPermit};
use crate::error::RegistryError;
use crate::jobs::WorkError;
use crate::layout::RepositoryId;
use crate::ports::{ReadTable, StoreError, StoreErrorKind};
use crate::repositories::{CreateRepository, Repository, RepositoryChange, find_lifecycle_policy};

/// How often the settings are brought that change meanwhile, before the job comes again.
const MOST_LOOKS: usize = 8;

impl ReplicateWorker {
    /// Brings the settings of a repository to the destination's, if it has the repository, until
    /// they are those that stand here.
    ///
    /// # Errors
    ///
    /// [`WorkError::Hopeless`] if the destination is not reached, or does not permit it.
    pub(super) async fn bring_settings(&self, job: &ReplicateJob) -> Result<(), WorkError> {
        let hopeless = |failure: ReplicationFailure| WorkError::Hopeless(failure.to_string());
        let peer = self.peers.find(&job.destination);
        let peer = peer.ok_or_else(|| hopeless(Peers::unknown(&job.destination)))?;
        let name = &job.repository;
        for _ in 0..MOST_LOOKS {
            let Some(here) = self.settings_here(name).await? else { return Ok(()) };
            let Some(there) = settings_there(peer, name).await? else { return Ok(()) };
            let changes = here.changes(&there)?;
            if changes.is_empty() {
                return Ok(());
            }
            for change in changes {
                let permit = peer.gate.replication(&self.identity, change.action(), name).await;
                let permit = match permit {
                    Ok(permit) => permit,
                    Err(error) => return Err(hopeless(ReplicationFailure::of_gate(error)?)),
                };
                match change.apply(peer, &permit).await {
                    // It went meanwhile.
                    Err(RegistryError::RepositoryUnknown(_)) => return Ok(()),
                    Err(error) => return Err(hopeless(ReplicationFailure::of(error)?)),
                    Ok(()) => {}
                }
            }
        }
        Err(RegistryError::Contended(name.to_string()).into())
    }

    /// Returns what a repository is to be like that is made at the destination: `settings`, and of
    /// those that stand here what the destination permits to bring.
    pub(super) async fn settings_to_create(
        &self,
        peer: &Peer,
        name: &RepositoryName,
        mut settings: CreateRepository,
    ) -> Result<CreateRepository, RegistryError> {
        let Some(here) = self.settings_here(name).await? else { return Ok(settings) };
        let gate = |action| async move {
            match peer.gate.replication(&self.identity, action, name).await {
                Ok(_) => Ok(true),
                Err(error) => ReplicationFailure::of_gate(error).map(|_| false),
            }
        };
        if gate(Action::PutImageTagMutability).await? {
            settings.tag_mutability = here.repository.tag_mutability.clone();
        }
        if gate(Action::PutImageScanningConfiguration).await? {
            settings.scan_on_push = here.repository.scan_on_push;
        }
        if gate(Action::TagResource).await? {
            settings.tags = here.repository.tags.clone();
        }
        if gate(Action::SetRepositoryPolicy).await? {
            settings.policy = here.repository.policy.clone();
        }
        if gate(Action::PutLifecyclePolicy).await? {
            settings.lifecycle_policy = here.lifecycle_policy;
        }
        Ok(settings)
    }

    async fn settings_here(&self, name: &RepositoryName) -> Result<Option<Known>, RegistryError> {
        match self.repository_named(name).await? {
            Some(repository) => Known::read(self.ports.table.as_ref(), repository).await.map(Some),
            None => Ok(None),
        }
    }
}

async fn settings_there(
    peer: &Peer,
    name: &RepositoryName,
) -> Result<Option<Known>, RegistryError> {
    let push = &peer.registry.push;
    match push.directory.current(name).await {
        Ok((repository, _)) => {
            let repository = Repository::clone(&repository);
            Known::read(push.table.as_ref(), repository).await.map(Some)
        }
        Err(RegistryError::RepositoryUnknown(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// A repository with all its settings.
#[derive(Debug)]
struct Known {
    repository: Repository,
    lifecycle_policy: Option<String>,
}

/// One change of a repository.
#[derive(Debug)]
enum SettingsChange {
    Of(RepositoryChange),
    Policy(Option<String>),
    LifecyclePolicy(Option<Box<LifecyclePolicy>>),
}

impl Known {
    async fn read(table: &dyn ReadTable, repository: Repository) -> Result<Self, RegistryError> {
        let id: &RepositoryId = &repository.id;
        let lifecycle_policy = match find_lifecycle_policy(table, &repository.name, id).await {
            Ok(text) => Some(text),
            Err(RegistryError::LifecyclePolicyUnknown(_)) => None,
            Err(error) => return Err(error),
        };
        Ok(Self { repository, lifecycle_policy })
    }

    /// Returns what makes `there` like this.
    fn changes(&self, there: &Self) -> Result<Vec<SettingsChange>, StoreError> {
        let (here, other) = (&self.repository, &there.repository);
        let mut changes = Vec::new();
        if here.tag_mutability != other.tag_mutability {
            let change = RepositoryChange::TagMutability(here.tag_mutability.clone());
            changes.push(SettingsChange::Of(change));
        }
        if here.scan_on_push != other.scan_on_push {
            changes.push(SettingsChange::Of(RepositoryChange::ScanOnPush(here.scan_on_push)));
        }
        let gone = other.tags.keys().filter(|key| !here.tags.contains_key(*key));
        let gone: Vec<_> = gone.cloned().collect();
        if !gone.is_empty() {
            changes.push(SettingsChange::Of(RepositoryChange::Untag(gone)));
        }
        let new = here.tags.iter().filter(|(key, value)| other.tags.get(*key) != Some(value));
        let new: BTreeMap<_, _> = new.map(|(key, value)| (key.clone(), value.clone())).collect();
        if !new.is_empty() {
            changes.push(SettingsChange::Of(RepositoryChange::Tag(new)));
        }
        if here.policy != other.policy {
            changes.push(SettingsChange::Policy(here.policy.clone()));
        }
        if self.lifecycle_policy != there.lifecycle_policy {
            let parse = |text: &String| text.parse().map(Box::new);
            let policy = self.lifecycle_policy.as_ref().map(parse).transpose();
            let policy = policy.map_err(|error: berth_lifecycle::InvalidLifecyclePolicy| {
                StoreError::new(StoreErrorKind::Damaged, error)
            })?;
            changes.push(SettingsChange::LifecyclePolicy(policy));
        }
        Ok(changes)
    }
}

impl SettingsChange {
    /// Returns the action that the destination must permit.
    fn action(&self) -> Action {
        match self {
            Self::Of(change) => change.action(),
            Self::Policy(Some(_)) => Action::SetRepositoryPolicy,
            Self::Policy(None) => Action::DeleteRepositoryPolicy,
            Self::LifecyclePolicy(Some(_)) => Action::PutLifecyclePolicy,
            Self::LifecyclePolicy(None) => Action::DeleteLifecyclePolicy,
        }
    }

    async fn apply(self, peer: &Peer, permit: &RepositoryPermit) -> Result<(), RegistryError> {
        let repositories = &peer.registry.repositories;
        match self {
            Self::Of(change) => repositories.change(permit, change).await.map(drop),
            Self::Policy(Some(text)) => repositories.set_policy(permit, &text).await.map(drop),
            Self::Policy(None) => match repositories.delete_policy(permit).await {
                Err(RegistryError::RepositoryPolicyUnknown(_)) => Ok(()),
                other => other.map(drop),
            },
            Self::LifecyclePolicy(Some(policy)) => {
                repositories.put_lifecycle_policy(permit, &policy).await
            }
            Self::LifecyclePolicy(None) => {
                match repositories.delete_lifecycle_policy(permit).await {
                    Err(RegistryError::LifecyclePolicyUnknown(_)) => Ok(()),
                    other => other.map(drop),
                }
            }
        }
    }
}
