use berth_types::{Digest, MediaType};
use futures_util::{StreamExt, TryStreamExt, stream};

use super::get::Blob;
use super::record::{Layer, LayerUse};
use crate::access::{Action, RepositoryPermit};
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{Place, RepositoryId, content, uses};
use crate::ports::{Consistency, Query, Select};
use crate::registry::Pull;

/// How many layers' uses are read at once.
const READS: usize = 10;

/// What is known of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerSummary {
    /// Size in bytes.
    pub size: u64,
    /// Whether it can be downloaded: that of images in the archive alone can't.
    pub is_at_hand: bool,
    /// Media type that an image gives it; none before an image uses it.
    pub media_type: Option<MediaType>,
}

impl Pull {
    /// Finds layers of the repository that the permit names, each in the place of its digest. The
    /// digests are distinct.
    pub async fn layers(
        &self,
        permit: &RepositoryPermit,
        digests: &[Digest],
    ) -> Result<Vec<Option<LayerSummary>>, RegistryError> {
        permit.must_be(Action::BatchCheckLayerAvailability);
        let repository = self.directory.recent(permit.name()).await?;
        let id = &repository.id;
        let keys: Vec<_> = digests.iter().map(|digest| Place::Layer(id, digest).key()).collect();
        let items = self.table.batch_get(&keys, Consistency::Strong).await?;
        let reads: Vec<_> = digests
            .iter()
            .zip(items)
            .map(|(digest, item)| async move {
                let layer = item.as_ref().map(decode::<Layer>).transpose()?;
                let Some(layer) = layer.filter(Layer::is_offered) else { return Ok(None) };
                let used = self.a_use(id, digest).await?;
                let media_type = used.and_then(|used| used.media_type);
                let (size, is_at_hand) = (layer.size, layer.is_at_hand());
                Ok::<_, RegistryError>(Some(LayerSummary { size, is_at_hand, media_type }))
            })
            .collect();
        stream::iter(reads).buffered(READS).try_collect().await
    }

    /// Finds a layer that an image uses.
    pub async fn find_used_blob(
        &self,
        permit: &RepositoryPermit,
        digest: &Digest,
    ) -> Result<Blob, RegistryError> {
        let blob = self.find_blob(permit, digest).await?;
        let repository = self.directory.recent(permit.name()).await?;
        if self.a_use(&repository.id, digest).await?.is_none() {
            let (repository, digest) = (repository.name.clone(), digest.clone());
            return Err(RegistryError::BlobUnused { repository, digest });
        }
        Ok(blob)
    }

    /// Returns one of the uses of a layer.
    async fn a_use(
        &self,
        id: &RepositoryId,
        digest: &Digest,
    ) -> Result<Option<LayerUse>, RegistryError> {
        let query = Query {
            partition: content(id),
            prefix: uses(digest),
            after: None,
            limit: 1,
            consistency: Consistency::Strong,
            select: Select::Items,
        };
        let page = self.table.query(&query).await?;
        Ok(page.items.first().map(decode).transpose()?)
    }
}
