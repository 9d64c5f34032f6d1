use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use berth_types::RepositoryName;
use quick_cache::sync::Cache;

use super::Repositories;
use super::record::Repository;
use crate::access::{Action, RegistryPermit};
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{NAMES, Place};
use crate::ports::{
    Clock, Consistency, Item, Query, ReadTable, Select, StoreError, StoreErrorKind, Timestamp,
};
use crate::settings::RegistryPolicy;

/// How long reads believe a record that they have seen. Writes read it anew.
const BELIEVED: Duration = Duration::from_secs(3);

/// How many records are remembered.
const REMEMBERED: usize = 10_000;

/// How many names that no repository has are remembered; apart, so that made-up names displace no
/// records.
const ABSENT: usize = 1024;

/// How long a deletion's mark holds pushes up; a process that died left an older one.
const DELETION: Duration = Duration::from_mins(1);

/// Finds repositories by name, and the registry's policy, and remembers them for a few seconds.
#[derive(Debug)]
pub struct Directory {
    table: Arc<dyn ReadTable>,
    clock: Arc<dyn Clock>,
    remembered: Cache<RepositoryName, (Arc<Repository>, Timestamp)>,
    absent: Cache<RepositoryName, Timestamp>,
    registry_policy: RwLock<Option<(Arc<RegistryPolicy>, Timestamp)>>,
}

/// A page of repositories, in the order of their names.
#[derive(Debug, Default)]
pub struct RepositoryPage {
    /// The repositories.
    pub repositories: Vec<Repository>,
    /// Name after which the next page begins; `None` at the end.
    pub next: Option<RepositoryName>,
}

impl Directory {
    pub(crate) fn new(table: Arc<dyn ReadTable>, clock: Arc<dyn Clock>) -> Self {
        let (remembered, absent) = (Cache::new(REMEMBERED), Cache::new(ABSENT));
        Self { table, clock, remembered, absent, registry_policy: RwLock::default() }
    }

    /// Returns the repository as reads may see it: a few seconds old.
    pub(crate) async fn recent(
        &self,
        name: &RepositoryName,
    ) -> Result<Arc<Repository>, RegistryError> {
        match self.recall(name) {
            Some(repository) => Ok(repository),
            None => Ok(self.current(name).await?.0),
        }
    }

    /// Returns the repository, if there is one, and the registry's policy, as reads may see them.
    /// One call of the table reads both. That there is none is believed as long as a record is: an
    /// answer that comes sooner or later would tell a caller whom policies deny.
    pub(crate) async fn recent_with_policy(
        &self,
        name: &RepositoryName,
    ) -> Result<(Option<Arc<Repository>>, Arc<RegistryPolicy>), StoreError> {
        let policy = self.recall_policy();
        if let Some(policy) = &policy {
            match self.recall(name) {
                Some(repository) => return Ok((Some(repository), policy.clone())),
                None if self.is_absent(name) => return Ok((None, policy.clone())),
                None => {}
            }
        }
        let mut keys = vec![Place::Repository(name).key()];
        if policy.is_none() {
            keys.extend(RegistryPolicy::keys());
        }
        let items = self.table.batch_get(&keys, Consistency::Strong).await?;
        let item = |place: usize| items.get(place).and_then(Option::as_ref);
        let repository = self.learn(name, item(0))?;
        let policy = match policy {
            Some(policy) => policy,
            None => self.learn_policy(item(1), item(2))?,
        };
        Ok((repository, policy))
    }

    /// Returns the registry's policy as reads may see it: a few seconds old.
    pub(crate) async fn registry_policy(&self) -> Result<Arc<RegistryPolicy>, StoreError> {
        if let Some(policy) = self.recall_policy() {
            return Ok(policy);
        }
        let items = self.table.batch_get(&RegistryPolicy::keys(), Consistency::Strong).await?;
        let item = |place: usize| items.get(place).and_then(Option::as_ref);
        self.learn_policy(item(0), item(1))
    }

    /// Returns the record that is remembered, and still believed.
    fn recall(&self, name: &RepositoryName) -> Option<Arc<Repository>> {
        let (repository, seen) = self.remembered.get(name)?;
        self.is_believed(seen).then_some(repository)
    }

    /// Whether it is remembered, and still believed, that there is no such repository.
    fn is_absent(&self, name: &RepositoryName) -> bool {
        self.absent.get(name).is_some_and(|seen| self.is_believed(seen))
    }

    /// Returns the registry's policy that is remembered, and still believed.
    fn recall_policy(&self) -> Option<Arc<RegistryPolicy>> {
        let remembered = self.registry_policy.read().unwrap_or_else(PoisonError::into_inner);
        let (policy, seen) = remembered.as_ref()?;
        self.is_believed(*seen).then(|| policy.clone())
    }

    fn is_believed(&self, seen: Timestamp) -> bool {
        self.clock.now() < seen.plus(BELIEVED)
    }

    /// Takes the items of the registry's policy, and remembers it.
    fn learn_policy(
        &self,
        policy: Option<&Item>,
        scope: Option<&Item>,
    ) -> Result<Arc<RegistryPolicy>, StoreError> {
        let policy = Arc::new(RegistryPolicy::read(policy, scope)?);
        let mut remembered = self.registry_policy.write().unwrap_or_else(PoisonError::into_inner);
        *remembered = Some((policy.clone(), self.clock.now()));
        Ok(policy)
    }

    /// Forgets the registry's policy, so that this process sees a change of its own at once.
    pub(crate) fn forget_registry_policy(&self) {
        *self.registry_policy.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Returns the repository as it is now, and its record's version.
    pub(crate) async fn current(
        &self,
        name: &RepositoryName,
    ) -> Result<(Arc<Repository>, u64), RegistryError> {
        let key = Place::Repository(name).key();
        let item = self.table.get(&key, Consistency::Strong).await?;
        let version = item.as_ref().map_or(0, |item| item.version);
        let repository = self.learn(name, item.as_ref())?;
        Ok((repository.ok_or_else(|| RegistryError::RepositoryUnknown(name.clone()))?, version))
    }

    /// Takes a record that was read along with others, and remembers it.
    pub(crate) fn learn(
        &self,
        name: &RepositoryName,
        item: Option<&Item>,
    ) -> Result<Option<Arc<Repository>>, StoreError> {
        let Some(item) = item else {
            self.forget(name);
            self.absent.insert(name.clone(), self.clock.now());
            return Ok(None);
        };
        let repository: Arc<Repository> = Arc::new(decode(item)?);
        self.absent.remove(name);
        self.remembered.insert(name.clone(), (repository.clone(), self.clock.now()));
        Ok(Some(repository))
    }

    /// Forgets what was remembered of `name`.
    pub(crate) fn forget(&self, name: &RepositoryName) {
        self.remembered.remove(name);
        self.absent.remove(name);
    }

    /// Whether the repository is being deleted at this moment.
    pub(crate) fn is_being_deleted(&self, repository: &Repository) -> bool {
        let began = repository.deletion_began;
        began.is_some_and(|began| self.clock.now() < began.plus(DELETION))
    }

    /// Returns at most `limit` names after `after`, and whether more follow.
    pub(crate) async fn names(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<RepositoryName>, bool), RegistryError> {
        let mut names = Vec::new();
        let mut after = after.map(str::to_owned);
        loop {
            let query = Query {
                partition: NAMES.to_owned(),
                prefix: String::new(),
                after,
                limit: limit - names.len(),
                consistency: Consistency::Strong,
                select: Select::Keys,
            };
            let page = self.table.query(&query).await?;
            for item in page.items {
                let name = item.key.sort.parse();
                names.push(name.map_err(|error| StoreError::new(StoreErrorKind::Damaged, error))?);
            }
            match page.next {
                Some(next) if names.len() < limit => after = Some(next),
                next => return Ok((names, next.is_some())),
            }
        }
    }

    /// Returns the records of those `names` that exist, in their order.
    pub(crate) async fn records(
        &self,
        names: &[RepositoryName],
    ) -> Result<Vec<Repository>, RegistryError> {
        let keys: Vec<_> = names.iter().map(|name| Place::Repository(name).key()).collect();
        let items = self.table.batch_get(&keys, Consistency::Strong).await?;
        let records: Result<_, StoreError> = items.iter().flatten().map(decode).collect();
        Ok(records?)
    }
}

impl Repositories {
    /// Returns a page of all repositories, at most `limit` (1 to 1,000) after the name `after`.
    pub async fn list(
        &self,
        permit: RegistryPermit,
        after: Option<&RepositoryName>,
        limit: usize,
    ) -> Result<RepositoryPage, RegistryError> {
        permit.must_be(Action::DescribeRepositories);
        let after = after.map(RepositoryName::as_str);
        let (names, more) = self.directory.names(after, limit.clamp(1, 1000)).await?;
        let repositories = self.directory.records(&names).await?;
        let next = names.last().filter(|_| more).cloned();
        Ok(RepositoryPage { repositories, next })
    }

    /// Returns the repository that the permit names.
    pub async fn describe(
        &self,
        permit: &crate::access::RepositoryPermit,
    ) -> Result<Arc<Repository>, RegistryError> {
        permit.must_be(Action::DescribeRepositories);
        Ok(self.directory.current(permit.name()).await?.0)
    }
}
