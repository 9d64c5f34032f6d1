use std::collections::BTreeMap;
use std::sync::Arc;

use berth_types::TagMutability;

use super::Repositories;
use super::record::Repository;
use super::told::changed;
use crate::access::{Action, RepositoryPermit};
use crate::contention::{Attempts, won};
use crate::document::{encode, put};
use crate::error::RegistryError;
use crate::layout::Place;
use crate::ports::Condition;

/// The most resource tags of a repository.
const MOST_TAGS: usize = 50;

/// What changes of a repository.
#[derive(Clone, Debug)]
pub enum RepositoryChange {
    /// Whether its tags may move.
    TagMutability(TagMutability),
    /// Whether images are scanned when they are pushed.
    ScanOnPush(bool),
    /// Resource tags that it gets; those of the same key get the new value.
    Tag(BTreeMap<String, String>),
    /// Keys of resource tags that it loses; one that it does not have is no error.
    Untag(Vec<String>),
}

impl RepositoryChange {
    /// Returns the action that a caller must be permitted.
    #[must_use]
    pub fn action(&self) -> Action {
        match self {
            Self::TagMutability(_) => Action::PutImageTagMutability,
            Self::ScanOnPush(_) => Action::PutImageScanningConfiguration,
            Self::Tag(_) => Action::TagResource,
            Self::Untag(_) => Action::UntagResource,
        }
    }

    fn apply(self, repository: &mut Repository) -> Result<(), RegistryError> {
        match self {
            Self::TagMutability(mutability) => repository.tag_mutability = mutability,
            Self::ScanOnPush(scan_on_push) => repository.scan_on_push = scan_on_push,
            Self::Tag(tags) => repository.tags.extend(tags),
            Self::Untag(keys) => repository.tags.retain(|key, _| !keys.contains(key)),
        }
        match repository.tags.len() {
            ..=MOST_TAGS => Ok(()),
            count => Err(RegistryError::TooManyResourceTags { count, most: MOST_TAGS }),
        }
    }
}

impl Repositories {
    /// Changes the repository that the permit names, and returns what it is then.
    pub async fn change(
        &self,
        permit: &RepositoryPermit,
        change: RepositoryChange,
    ) -> Result<Arc<Repository>, RegistryError> {
        permit.must_be(change.action());
        let apply = |repository: &mut Repository| change.clone().apply(repository);
        Ok(self.alter(permit, apply).await?.0)
    }

    /// Changes the record of the repository that the permit names, and returns what it is then and what `alter` returned. It may
    /// be called several times, each time with the record as it is.
    pub(super) async fn alter<T>(
        &self,
        permit: &RepositoryPermit,
        alter: impl Fn(&mut Repository) -> Result<T, RegistryError>,
    ) -> Result<(Arc<Repository>, T), RegistryError> {
        let name = permit.name();
        let mut attempts = Attempts::at(name);
        loop {
            let (current, version) = self.directory.current(name).await?;
            let mut repository = Repository::clone(&current);
            let returned = alter(&mut repository)?;
            let key = Place::Repository(name).key();
            let condition = Condition::Version(version);
            let operation = put(key, encode(&repository)?, version, condition);
            let told = changed(&repository, permit, self.clock.now())?;
            if won(self.table.transact(vec![operation, told]).await)? {
                self.directory.forget(name);
                return Ok((Arc::new(repository), returned));
            }
            attempts.next().await?;
        }
    }

    /// Returns the resource tags of the repository that the permit names.
    pub async fn resource_tags(
        &self,
        permit: &RepositoryPermit,
    ) -> Result<BTreeMap<String, String>, RegistryError> {
        permit.must_be(Action::ListTagsForResource);
        Ok(self.directory.current(permit.name()).await?.0.tags.clone())
    }
}
