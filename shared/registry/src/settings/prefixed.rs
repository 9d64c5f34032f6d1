use std::fmt;

use berth_types::RepositoryPrefix;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Settings, document_of};
use crate::contention::{Attempts, won};
use crate::document::{decode, put};
use crate::error::RegistryError;
use crate::layout::{Place, partition_of};
use crate::ports::{
    Condition, Consistency, Item, Operation, Page, Query, ReadTable, Select, StoreError,
    StoreErrorKind, TransactError,
};
use crate::quotas::Quotas;

/// What settings there are of which a registry has several, each for a prefix of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrefixedKind {
    /// Templates of the repositories that the registry makes.
    CreationTemplate,
    /// Rules of pull-through caches.
    CacheRule,
}

impl PrefixedKind {
    /// Returns how many of them a registry has at most.
    fn quota(self, quotas: &Quotas) -> usize {
        match self {
            Self::CreationTemplate => quotas.creation_templates,
            Self::CacheRule => quotas.cache_rules,
        }
    }
}

impl fmt::Display for PrefixedKind {
    /// Writes what such a setting is called.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CreationTemplate => "repository creation template",
            Self::CacheRule => "pull through cache rule",
        })
    }
}

/// A page of settings of one kind, in the order of their prefixes.
#[derive(Clone, Debug)]
pub struct PrefixedPage<T> {
    /// The settings.
    pub settings: Vec<T>,
    /// Prefix after which the next page begins; `None` at the end.
    pub next: Option<RepositoryPrefix>,
}

/// A setting for a prefix of repositories.
pub(super) trait Prefixed: Serialize + DeserializeOwned + Clone {
    /// Which kind it is.
    const KIND: PrefixedKind;

    /// Returns the prefix.
    fn prefix(&self) -> &RepositoryPrefix;
}

impl Settings {
    /// Adds a setting. Fails if there is one for its prefix, or as many as there may be.
    pub(super) async fn add<T: Prefixed>(&self, setting: &T) -> Result<(), RegistryError> {
        let (kind, prefix) = (T::KIND, setting.prefix());
        let exists = || RegistryError::PrefixTaken { kind, prefix: prefix.clone() };
        match self.current::<T>(prefix).await {
            Err(RegistryError::PrefixUnknown { .. }) => {}
            Err(error) => return Err(error),
            Ok(_) => return Err(exists()),
        }
        let most = kind.quota(&self.quotas);
        if self.count::<T>(most).await? >= most {
            return Err(RegistryError::TooManyPrefixes { kind, most });
        }
        let first_version = self.clock.now().millis();
        let key = Place::Prefixed(kind, prefix).key();
        let operation = put(key, document_of(setting)?, first_version, Condition::Absent);
        match self.table.transact(vec![operation]).await {
            Ok(()) => Ok(()),
            Err(TransactError::Conditions(_) | TransactError::Conflict) => Err(exists()),
            Err(TransactError::Store(error)) => Err(error.into()),
        }
    }

    /// Returns those of the `prefixes` that there is a setting for, in their order.
    pub(super) async fn named<T: Prefixed>(
        &self,
        prefixes: &[RepositoryPrefix],
    ) -> Result<Vec<Option<T>>, RegistryError> {
        Ok(read_prefixed(self.table.as_ref(), prefixes).await?)
    }

    /// Returns a page of at most `limit` settings after the prefix `after`, which need not exist.
    pub(super) async fn page<T: Prefixed>(
        &self,
        after: Option<&RepositoryPrefix>,
        limit: usize,
    ) -> Result<PrefixedPage<T>, RegistryError> {
        let after = after.map(|prefix| prefix.folder().to_owned());
        let page = self.query::<T>(after, limit, Select::Items).await?;
        let settings: Result<Vec<T>, StoreError> = page.items.iter().map(decode).collect();
        let next = page.next.map(|sort| sort.parse()).transpose();
        let next = next.map_err(|error| StoreError::new(StoreErrorKind::Damaged, error))?;
        Ok(PrefixedPage { settings: settings?, next })
    }

    /// Counts the settings of a kind, no further than to `most`.
    async fn count<T: Prefixed>(&self, most: usize) -> Result<usize, StoreError> {
        let mut count = 0;
        let mut after = None;
        loop {
            let page = self.query::<T>(after, most - count, Select::Keys).await?;
            count += page.items.len();
            after = page.next;
            if after.is_none() || count >= most {
                return Ok(count);
            }
        }
    }

    /// Changes the setting for `prefix`, and returns what it is then. `change` may be called
    /// several times, each time with the setting as it is.
    pub(super) async fn change<T: Prefixed>(
        &self,
        prefix: &RepositoryPrefix,
        change: impl Fn(&mut T) -> Result<(), RegistryError>,
    ) -> Result<T, RegistryError> {
        let mut attempts = Attempts::at(prefix);
        loop {
            let (mut setting, version) = self.current::<T>(prefix).await?;
            change(&mut setting)?;
            let key = Place::Prefixed(T::KIND, prefix).key();
            let operation = put(key, document_of(&setting)?, version, Condition::Version(version));
            if won(self.table.transact(vec![operation]).await)? {
                return Ok(setting);
            }
            attempts.next().await?;
        }
    }

    /// Removes the setting for `prefix`, and returns what it was.
    pub(super) async fn remove<T: Prefixed>(
        &self,
        prefix: &RepositoryPrefix,
    ) -> Result<T, RegistryError> {
        let mut attempts = Attempts::at(prefix);
        loop {
            let (setting, version) = self.current::<T>(prefix).await?;
            let key = Place::Prefixed(T::KIND, prefix).key();
            let operation = Operation::Delete { key, condition: Condition::Version(version) };
            if won(self.table.transact(vec![operation]).await)? {
                return Ok(setting);
            }
            attempts.next().await?;
        }
    }

    /// Returns the setting for `prefix`, and its version.
    async fn current<T: Prefixed>(
        &self,
        prefix: &RepositoryPrefix,
    ) -> Result<(T, u64), RegistryError> {
        let key = Place::Prefixed(T::KIND, prefix).key();
        match self.table.get(&key, Consistency::Strong).await? {
            Some(item) => Ok((decode(&item)?, item.version)),
            None => Err(RegistryError::PrefixUnknown { kind: T::KIND, prefix: prefix.clone() }),
        }
    }

    async fn query<T: Prefixed>(
        &self,
        after: Option<String>,
        limit: usize,
        select: Select,
    ) -> Result<Page, StoreError> {
        let query = Query {
            partition: partition_of(T::KIND).to_owned(),
            prefix: String::new(),
            after,
            limit,
            consistency: Consistency::Strong,
            select,
        };
        self.table.query(&query).await
    }
}

/// Returns those of the `prefixes` that there is a setting for, in their order.
pub(super) async fn read_prefixed<T: Prefixed>(
    table: &dyn ReadTable,
    prefixes: &[RepositoryPrefix],
) -> Result<Vec<Option<T>>, StoreError> {
    let keys: Vec<_> =
        prefixes.iter().map(|prefix| Place::Prefixed(T::KIND, prefix).key()).collect();
    let items = table.batch_get(&keys, Consistency::Strong).await?;
    let decode = |item: &Option<Item>| item.as_ref().map(decode).transpose();
    items.iter().map(decode).collect()
}
