use std::collections::HashMap;

use berth_types::Digest;

use super::status::ImageStatus;
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::Place;
use crate::manifests::Image;
use crate::ports::{Consistency, Item, ReadTable, Select};
use crate::repositories::Repository;

/// Reads whether images of a repository can be pulled. In one that never archived an image all
/// can, and nothing is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StatusReader<'a> {
    /// The table.
    pub(crate) table: &'a dyn ReadTable,
    /// The repository.
    pub(crate) repository: &'a Repository,
}

impl StatusReader<'_> {
    /// Returns what is needed of the items of images, so that they tell it.
    pub(crate) fn needed(&self) -> Select {
        match self.repository.archived_since {
            Some(_) => Select::Items,
            None => Select::Keys,
        }
    }

    /// Returns the status of each image. One that is not there counts as one that can be pulled.
    pub(crate) async fn of_all(
        &self,
        digests: impl Iterator<Item = &Digest>,
    ) -> Result<HashMap<Digest, ImageStatus>, RegistryError> {
        if self.repository.archived_since.is_none() {
            return Ok(digests.map(|digest| (digest.clone(), ImageStatus::Active)).collect());
        }
        let mut statuses: HashMap<_, _> =
            digests.map(|digest| (digest.clone(), ImageStatus::Active)).collect();
        let digests: Vec<_> = statuses.keys().cloned().collect();
        let key = |digest| Place::Image(&self.repository.id, digest).key();
        let keys: Vec<_> = digests.iter().map(key).collect();
        let items = self.table.batch_get(&keys, Consistency::Strong).await?;
        for (digest, item) in digests.into_iter().zip(&items) {
            statuses.insert(digest, status(item.as_ref())?);
        }
        Ok(statuses)
    }

    /// Returns the status of one image.
    pub(crate) async fn of(&self, digest: &Digest) -> Result<ImageStatus, RegistryError> {
        if self.repository.archived_since.is_none() {
            return Ok(ImageStatus::Active);
        }
        let key = Place::Image(&self.repository.id, digest).key();
        status(self.table.get(&key, Consistency::Strong).await?.as_ref())
    }
}

fn status(image: Option<&Item>) -> Result<ImageStatus, RegistryError> {
    let image = image.map(decode::<Image>).transpose()?;
    Ok(image.map_or(ImageStatus::Active, |image| image.storage.status))
}
