//! Looking whether a registry is whole: that what the table says fits together, that the bytes of
//! every blob and manifest are there and have their digest, that the storage figures are right.
//!
//! It takes the registry as it lies there: beside pushes and deletions it would tell of what they
//! are in the midst of.

mod blobs;
mod figures;
mod finding;
mod images;
mod layers;
mod repository;
mod tags;

use std::sync::Arc;

use berth_types::RepositoryName;

use self::blobs::Blobs;
use self::figures::Events;
pub use self::finding::{Damage, Finding, Leftover};
use self::repository::Content;
use crate::contention::won;
use crate::document::decode;
use crate::error::RegistryError;
use crate::figures::{Amounts, Counted};
use crate::layout::{DELETED, NAMES, Place, RepositoryId};
use crate::ports::{
    Consistency, Item, Key, ObjectKey, Operation, Query, ReadObjects, ReadTable, Select,
    StoreError, StoreErrorKind, WriteTable,
};
use crate::registry::SparseManifests;
use crate::repositories::Repository;

/// How many items are read at once.
const PAGE: usize = 500;

/// Hears what is found, and how far it is.
pub trait Watch: Send + Sync {
    /// Hears of something that is not as it should be.
    fn found(&self, finding: &Finding);

    /// Hears how much was looked at so far; often.
    fn came(&self, tally: &Tally);

    /// Hears of an object that something in the table names.
    fn named(&self, object: &ObjectKey);
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Repositories.
    pub repositories: u64,
    /// Images.
    pub images: u64,
    /// Objects whose digest was computed.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Damages that were found, and not mended.
    pub damages: u64,
    /// Counters that were wrong, and mended.
    pub mended: u64,
}

/// Whether what can be mended is mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mend {
    /// Nothing is changed.
    Nothing,
    /// Counters that are wrong are set right. Nothing else can be mended without losing something.
    Counters,
}

/// Looks whether a registry is whole.
#[derive(Clone, Debug)]
pub struct Verify {
    /// The table.
    pub table: Arc<dyn WriteTable>,
    /// The objects.
    pub objects: Arc<dyn ReadObjects>,
    /// Whether the registry takes manifests whose content is not all there.
    pub sparse_manifests: SparseManifests,
    /// Whether counters are set right.
    pub mend: Mend,
}

/// One look at a registry.
pub(super) struct Look<'a> {
    verify: &'a Verify,
    watch: &'a dyn Watch,
    tally: Tally,
    blobs: Blobs,
}

impl Verify {
    /// Looks at the whole registry, in the order of the repositories' names. Memory grows by some
    /// 50 bytes for each blob, and with the largest repository's lists of images and their children.
    ///
    /// # Errors
    ///
    /// Fails if the table can't be read. Objects that can't be read are findings.
    pub async fn run(&self, watch: &dyn Watch) -> Result<Tally, RegistryError> {
        let blobs = Blobs::of(self.objects.clone());
        let mut look = Look { verify: self, watch, tally: Tally::default(), blobs };
        look.run().await?;
        Ok(look.tally)
    }
}

impl Look<'_> {
    async fn run(&mut self) -> Result<(), RegistryError> {
        let events = self.read_events().await?;
        let mut sum = Amounts::default();
        let mut names = Pages::of(NAMES.to_owned(), "", Select::Items);
        while let Some(items) = names.next(self.table()).await? {
            for listed in items {
                if let Some(repository) = self.listed(&listed).await? {
                    let (name, id) = (&repository.name, &repository.id);
                    sum += self.repository(Content { name, id }, &events).await?;
                }
                self.tally.repositories += 1;
                self.watch.came(&self.tally);
            }
        }
        let mut deleted = Pages::of(DELETED.to_owned(), "", Select::Items);
        while let Some(items) = deleted.next(self.table()).await? {
            for item in items {
                let name: RepositoryName = decode(&item)?;
                let id = RepositoryId::of_key(item.key.sort.clone());
                sum += self.deleted(Content { name: &name, id: &id }).await?;
            }
        }
        self.finish_blobs().await;
        self.registry_figures(sum).await
    }

    /// Returns the repository that a name stands for; `None` if it stands for none.
    async fn listed(&mut self, listed: &Item) -> Result<Option<Repository>, RegistryError> {
        let damaged = |error| StoreError::new(StoreErrorKind::Damaged, error);
        let name: RepositoryName = listed.key.sort.parse().map_err(damaged)?;
        let record = self.get(&Place::Repository(&name).key()).await?;
        let Some(record) = record else {
            self.damage(&name, "the repository", Damage::RecordMissing);
            return Ok(None);
        };
        let Ok(record) = decode::<Repository>(&record) else {
            self.damage(&name, "the repository", Damage::Unreadable);
            return Ok(None);
        };
        if decode::<RepositoryId>(listed).ok().as_ref() != Some(&record.id) || record.name != name {
            self.damage(&name, "the repository", Damage::ListingDiffers);
        }
        Ok(Some(record))
    }

    /// Checks the content of a repository, and returns what its figures should say.
    async fn repository(
        &mut self,
        content: Content<'_>,
        events: &Events,
    ) -> Result<Amounts, RegistryError> {
        let figures = self.figures(content).await?;
        let counted = figures.as_ref().map_or(&Counted::Nothing, |figures| &figures.counted);
        let checked = self.images(content, counted).await?;
        self.parents(content, &checked).await?;
        self.tags(content).await?;
        self.uses(content, &checked).await?;
        self.manifests_without_images(content, &checked).await?;
        self.referrers(content).await?;
        self.layers(content).await?;
        match figures {
            Some(figures) => self.repository_figures(content, &figures, &checked, events).await,
            None => Ok(Amounts::default()),
        }
    }

    fn table(&self) -> &dyn ReadTable {
        self.verify.table.as_ref()
    }

    async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        self.table().get(key, Consistency::Strong).await
    }

    async fn get_all(&self, keys: &[Key]) -> Result<Vec<Option<Item>>, StoreError> {
        self.table().batch_get(keys, Consistency::Strong).await
    }

    /// Tells of a damage of what is called so in the repository.
    fn damage(&mut self, repository: &RepositoryName, what: impl Into<String>, damage: Damage) {
        self.tally.damages += 1;
        let (repository, what) = (Some(repository.clone()), what.into());
        self.watch.found(&Finding::Damage { repository, what, damage });
    }

    /// Tells of what was left over and will be collected.
    fn left(&self, repository: &RepositoryName, what: impl Into<String>, leftover: Leftover) {
        let (repository, what) = (repository.clone(), what.into());
        self.watch.found(&Finding::Leftover { repository, what, leftover });
    }

    /// Sets counters right, if that is wanted; `false` if not, or if somebody changed them meanwhile.
    async fn mend(&self, operations: Vec<Operation>) -> Result<bool, StoreError> {
        match self.verify.mend {
            Mend::Nothing => Ok(false),
            Mend::Counters => won(self.verify.table.transact(operations).await),
        }
    }

    /// Tells of a counter, if it was wrong.
    fn counter(
        &mut self,
        repository: Option<&RepositoryName>,
        what: impl Into<String>,
        (found, expected): (i64, i64),
        is_mended: bool,
    ) {
        if found == expected {
            return;
        }
        match is_mended {
            true => self.tally.mended += 1,
            false => self.tally.damages += 1,
        }
        let (repository, what) = (repository.cloned(), what.into());
        let damage = Damage::Counter { found, expected, is_mended };
        self.watch.found(&Finding::Damage { repository, what, damage });
    }
}

/// Reads a part of a partition page by page.
struct Pages(Option<Query>);

impl Pages {
    fn of(partition: String, prefix: &str, select: Select) -> Self {
        let (prefix, consistency) = (prefix.to_owned(), Consistency::Strong);
        Self(Some(Query { partition, prefix, after: None, limit: PAGE, consistency, select }))
    }

    async fn next(&mut self, table: &dyn ReadTable) -> Result<Option<Vec<Item>>, StoreError> {
        let Some(query) = self.0.take() else { return Ok(None) };
        let page = table.query(&query).await?;
        self.0 = page.next.map(|after| Query { after: Some(after), ..query });
        Ok(Some(page.items))
    }
}
