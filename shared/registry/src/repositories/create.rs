use std::collections::BTreeMap;
use std::sync::Arc;

use berth_types::{Encryption, RepositoryName, TagMutability};
use uuid::Uuid;

use super::Repositories;
use super::lifecycle_policy::LifecyclePolicyText;
use super::record::Repository;
use crate::access::{Action, RepositoryPermit};
use crate::contention::Attempts;
use crate::counts::Counted;
use crate::document::{encode, put};
use crate::error::{QuotaExceeded, RegistryError};
use crate::figures::FiguresItem;
use crate::layout::{Place, RepositoryId};
use crate::ports::{Condition, TransactError};
use crate::settings::{CreationReason, CreationTemplate};

/// Settings of a repository to make.
#[derive(Clone, Debug, Default)]
pub struct CreateRepository {
    /// Whether its tags may move.
    pub tag_mutability: TagMutability,
    /// How its content is encrypted at rest; a key that is named is checked.
    pub encryption: Encryption,
    /// Whether images are scanned when they are pushed.
    pub scan_on_push: bool,
    /// Resource tags.
    pub tags: BTreeMap<String, String>,
    /// Policy, which the caller has validated.
    pub policy: Option<String>,
    /// Text of the lifecycle policy, which the caller has validated.
    pub lifecycle_policy: Option<String>,
}

impl From<CreationTemplate> for CreateRepository {
    fn from(template: CreationTemplate) -> Self {
        Self {
            tag_mutability: template.tag_mutability,
            encryption: template.encryption,
            scan_on_push: false,
            tags: template.tags,
            policy: template.policy,
            lifecycle_policy: template.lifecycle_policy,
        }
    }
}

impl Repositories {
    /// Makes the repository that the permit names, empty.
    pub async fn create(
        &self,
        permit: &RepositoryPermit,
        settings: CreateRepository,
    ) -> Result<Arc<Repository>, RegistryError> {
        permit.must_be(Action::CreateRepository);
        let name = permit.name();
        let encryption = self.settle_encryption(settings.encryption).await?;
        let now = self.clock.now();
        let repository = Repository {
            id: RepositoryId::new(Uuid::new_v4()),
            name: name.clone(),
            created_at: now,
            tag_mutability: settings.tag_mutability,
            encryption,
            scan_on_push: settings.scan_on_push,
            tags: settings.tags,
            policy: settings.policy,
            archived_since: None,
            deletion_began: None,
        };
        let record = encode(&repository)?;
        let version = now.millis();
        let mut operations = vec![
            put(Place::Repository(name).key(), record, version, Condition::Absent),
            put(Place::Listing(name).key(), encode(&repository.id)?, version, Condition::Any),
            FiguresItem::of_new_repository(&repository.id, now)?,
        ];
        if let Some(text) = settings.lifecycle_policy {
            let key = Place::LifecyclePolicy(&repository.id).key();
            operations.push(put(
                key,
                encode(&LifecyclePolicyText { text })?,
                version,
                Condition::Any,
            ));
        }
        self.must_have_room(name).await?;
        match self.table.transact(operations).await {
            Ok(()) => {
                self.counts.added(&Counted::Repositories, 1);
                self.directory.forget(name);
                Ok(Arc::new(repository))
            }
            Err(TransactError::Conditions(_) | TransactError::Conflict) => {
                Err(RegistryError::RepositoryExists(name.clone()))
            }
            Err(TransactError::Store(error)) => Err(error.into()),
        }
    }

    /// Refuses a repository that the registry has no room for. One that is there already is told so
    /// later.
    async fn must_have_room(&self, name: &RepositoryName) -> Result<(), RegistryError> {
        let most = self.quotas.repositories;
        if self.counts.has_room(&Counted::Repositories, 1, most).await? {
            return Ok(());
        }
        match self.directory.current(name).await {
            Err(RegistryError::RepositoryUnknown(_)) => {
                Err(QuotaExceeded::Repositories { most }.into())
            }
            found => found.map(drop),
        }
    }

    /// Returns the repository that the permit names, and makes it first if it is not there, as its
    /// template says.
    pub(crate) async fn find_or_create(
        &self,
        permit: &RepositoryPermit,
    ) -> Result<Arc<Repository>, RegistryError> {
        let (table, reason) = (self.table.as_ref(), CreationReason::CreateOnPush);
        let template = CreationTemplate::find(table, permit.name(), reason).await?;
        let settings = template.map(CreateRepository::from).unwrap_or_default();
        self.find_or_create_with(permit, settings).await
    }

    /// Returns the repository that the permit names, and makes it first if it is not there, as
    /// `settings` say.
    pub(crate) async fn find_or_create_with(
        &self,
        permit: &RepositoryPermit,
        settings: CreateRepository,
    ) -> Result<Arc<Repository>, RegistryError> {
        let mut attempts = Attempts::at(permit.name());
        loop {
            match self.create(permit, settings.clone()).await {
                Err(RegistryError::RepositoryExists(name)) => {
                    match self.directory.recent(&name).await {
                        // The transaction that makes or deletes it is still in flight.
                        Err(RegistryError::RepositoryUnknown(_)) => attempts.next().await?,
                        found => return found,
                    }
                }
                other => return other,
            }
        }
    }
}
