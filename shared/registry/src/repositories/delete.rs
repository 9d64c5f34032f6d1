use std::sync::Arc;

use super::Repositories;
use super::record::Repository;
use crate::access::{Action, RepositoryPermit};
use crate::contention::Attempts;
use crate::document::{encode, put};
use crate::error::RegistryError;
use crate::layout::{IMAGES, Place, content};
use crate::outbox::{Change, Event};
use crate::ports::{Condition, Consistency, Operation, Query, Select, Timestamp, TransactError};

/// What to do with a repository that has images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenNotEmpty {
    /// Leave it, and say so.
    Refuse,
    /// Delete its images with it.
    Force,
}

/// How to delete a repository.
#[derive(Clone, Copy, Debug)]
pub struct DeleteRepository {
    /// What to do if it has images.
    pub when_not_empty: WhenNotEmpty,
}

impl Repositories {
    /// Deletes the repository that the permit names, and returns what it was. Its content is left
    /// to collection.
    pub async fn delete(
        &self,
        permit: &RepositoryPermit,
        how: DeleteRepository,
    ) -> Result<Arc<Repository>, RegistryError> {
        permit.must_be(Action::DeleteRepository);
        let name = permit.name();
        let mut attempts = Attempts::at(name);
        loop {
            let (repository, version) = self.directory.current(name).await?;
            match self.try_delete(&repository, version, how).await {
                Err(TransactOrRefuse::Again) => attempts.next().await?,
                Err(TransactOrRefuse::Refuse(error)) => return Err(error),
                Ok(()) => return Ok(repository),
            }
        }
    }

    async fn try_delete(
        &self,
        repository: &Repository,
        version: u64,
        how: DeleteRepository,
    ) -> Result<(), TransactOrRefuse> {
        let name = &repository.name;
        self.mark(repository, version, Some(self.clock.now())).await?;
        self.directory.forget(name);
        let marked = version + 1;
        if how.when_not_empty == WhenNotEmpty::Refuse && self.has_images(repository).await? {
            self.mark(repository, marked, None).await?;
            let refusal = RegistryError::RepositoryNotEmpty(name.clone());
            return Err(TransactOrRefuse::Refuse(refusal));
        }
        let record = Place::Repository(name).key();
        let listing = Place::Listing(name).key();
        let deleted = Place::Deleted(&repository.id).key();
        let now = self.clock.now();
        let event = Change::RepositoryDeleted {
            repository: name.clone(),
            repository_id: repository.id.clone(),
        };
        let operations = vec![
            Operation::Delete { key: record, condition: Condition::Version(marked) },
            Operation::Delete { key: listing, condition: Condition::Any },
            put(deleted, encode(name)?, now.millis(), Condition::Any),
            Event::new(event, now).operation()?,
        ];
        self.table.transact(operations).await?;
        self.directory.forget(name);
        Ok(())
    }

    async fn mark(
        &self,
        repository: &Repository,
        version: u64,
        deletion_began: Option<Timestamp>,
    ) -> Result<(), TransactOrRefuse> {
        let marked = Repository { deletion_began, ..repository.clone() };
        let key = Place::Repository(&repository.name).key();
        let operation = put(key, encode(&marked)?, version, Condition::Version(version));
        Ok(self.table.transact(vec![operation]).await?)
    }

    async fn has_images(&self, repository: &Repository) -> Result<bool, RegistryError> {
        let query = Query {
            partition: content(&repository.id),
            prefix: IMAGES.to_owned(),
            after: None,
            limit: 1,
            consistency: Consistency::Strong,
            select: Select::Keys,
        };
        Ok(!self.table.query(&query).await?.items.is_empty())
    }
}

/// Why one attempt at a deletion ended.
enum TransactOrRefuse {
    Again,
    Refuse(RegistryError),
}

impl From<TransactError> for TransactOrRefuse {
    fn from(error: TransactError) -> Self {
        match error {
            TransactError::Conditions(_) | TransactError::Conflict => Self::Again,
            TransactError::Store(error) => Self::Refuse(error.into()),
        }
    }
}

impl<E: Into<RegistryError>> From<E> for TransactOrRefuse {
    fn from(error: E) -> Self {
        Self::Refuse(error.into())
    }
}
