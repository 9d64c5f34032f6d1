use std::sync::Arc;

use berth_types::RepositoryName;

use super::amounts::Amounts;
use super::item::{Counted, FiguresItem};
use crate::access::{Action, RegistryPermit, RepositoryPermit};
use crate::error::RegistryError;
use crate::layout::Place;
use crate::ports::{Consistency, Item, ReadTable, StoreError};
use crate::repositories::Directory;

/// How many images there are, and how large they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StorageFigures {
    /// How many images, lists of images among them.
    pub images: u64,
    /// Bytes of their manifests.
    pub manifest_bytes: u64,
    /// Bytes that they have by their own words: the sum of what ECR calls an image's size, so that
    /// a layer which several share is in it several times.
    pub image_bytes: u64,
}

/// Storage figures of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryFigures {
    /// Name of the repository.
    pub repository: RepositoryName,
    /// The figures.
    pub figures: StorageFigures,
    /// Which images they are of.
    pub extent: FiguresExtent,
}

/// Which images storage figures are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FiguresExtent {
    /// All.
    AllImages,
    /// Some: the repository was made by a version that did not count, and is being counted.
    SomeImages,
}

/// A page of the storage figures of repositories, in the order of their names.
#[derive(Clone, Debug, Default)]
pub struct FiguresPage {
    /// The figures.
    pub repositories: Vec<RepositoryFigures>,
    /// Name after which the next page begins; `None` at the end.
    pub next: Option<RepositoryName>,
}

/// Reads storage figures. They are what was pushed and deleted up to a moment ago: as far as the
/// outbox was read.
#[derive(Clone, Debug)]
pub struct Figures {
    pub(crate) table: Arc<dyn ReadTable>,
    pub(crate) directory: Arc<Directory>,
}

impl Figures {
    /// Returns the figures of the registry: the sum of those of its repositories.
    pub async fn of_registry(
        &self,
        permit: &RegistryPermit,
    ) -> Result<StorageFigures, RegistryError> {
        permit.must_be(Action::GetStorageFigures);
        let item = self.table.get(&Place::RegistryFigures.key(), Consistency::Strong).await?;
        let amounts = item.as_ref().map(Amounts::of_counters);
        Ok(amounts.unwrap_or_default().into())
    }

    /// Returns the figures of the repository that the permit names.
    pub async fn of_repository(
        &self,
        permit: &RepositoryPermit,
    ) -> Result<RepositoryFigures, RegistryError> {
        permit.must_be(Action::GetRepositoryStorageFigures);
        let (repository, _) = self.directory.current(permit.name()).await?;
        let key = Place::Figures(&repository.id).key();
        let item = self.table.get(&key, Consistency::Strong).await?;
        Ok(describe(&repository.name, item.as_ref())?)
    }

    /// Returns a page of the figures of all repositories, at most `limit` (1 to 1,000) after the
    /// name `after`.
    pub async fn of_repositories(
        &self,
        permit: &RegistryPermit,
        after: Option<&RepositoryName>,
        limit: usize,
    ) -> Result<FiguresPage, RegistryError> {
        permit.must_be(Action::GetStorageFigures);
        let after = after.map(RepositoryName::as_str);
        let (names, more) = self.directory.names(after, limit.clamp(1, 1000)).await?;
        let records = self.directory.records(&names).await?;
        let keys: Vec<_> = records.iter().map(|record| Place::Figures(&record.id).key()).collect();
        let items = self.table.batch_get(&keys, Consistency::Strong).await?;
        let described = records.iter().zip(&items);
        let described = described.map(|(record, item)| describe(&record.name, item.as_ref()));
        let repositories = described.collect::<Result<_, StoreError>>()?;
        Ok(FiguresPage { repositories, next: names.last().filter(|_| more).cloned() })
    }
}

fn describe(name: &RepositoryName, item: Option<&Item>) -> Result<RepositoryFigures, StoreError> {
    let item = item.map(FiguresItem::read).transpose()?;
    let is_whole = item.as_ref().is_some_and(|item| item.counted == Counted::All);
    let amounts = item.as_ref().map(FiguresItem::total).unwrap_or_default();
    Ok(RepositoryFigures {
        repository: name.clone(),
        figures: amounts.into(),
        extent: if is_whole { FiguresExtent::AllImages } else { FiguresExtent::SomeImages },
    })
}

/// For a moment, a deletion may be counted before the push that it follows.
impl From<Amounts> for StorageFigures {
    fn from(amounts: Amounts) -> Self {
        let figure = |amount| u64::try_from(amount).unwrap_or(0);
        Self {
            images: figure(amounts.images),
            manifest_bytes: figure(amounts.manifest_bytes),
            image_bytes: figure(amounts.image_bytes),
        }
    }
}
