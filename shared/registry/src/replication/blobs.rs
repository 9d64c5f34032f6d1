use berth_types::Digest;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::course::{Course, Standing};
use super::failure::Stop;
use crate::blobs::Layer;
use crate::document::decode;
use crate::layout::{Place, RepositoryId};
use crate::manifests::distinct;
use crate::ports::{Consistency, Key};

/// How many blobs of an image are copied at a time.
const COPIES: usize = 4;

impl Course<'_> {
    /// Makes sure that the destination's repository has the blobs of an image: links those that
    /// the destination has elsewhere, and lets its store copy the others from here.
    pub(super) async fn bring_blobs(&self, standing: &Standing) -> Result<(), Stop> {
        let blobs = distinct(standing.manifest.blobs().map(|blob| blob.digest.clone()));
        let there = &self.peer.registry.push.table;
        let keys = keys(&self.destination.id, &blobs);
        let items = there.batch_get(&keys, Consistency::Strong).await?;
        let mut missing = Vec::new();
        for (digest, item) in blobs.into_iter().zip(items) {
            let layer = item.as_ref().map(decode::<Layer>).transpose()?;
            if !layer.is_some_and(|layer| layer.is_visible()) {
                missing.push(digest);
            }
        }
        let bring = |digest: Digest| async move { self.bring_blob(&digest).await };
        stream::iter(missing).map(bring).buffer_unordered(COPIES).try_collect().await
    }

    async fn bring_blob(&self, digest: &Digest) -> Result<(), Stop> {
        self.must_have_time()?;
        let key = Place::Layer(&self.source.id, digest).key();
        let item = self.ports.table.get(&key, Consistency::Strong).await?;
        // Of a sparse image not every layer is here: whether the destination takes it, it says. It
        // gets no blob of another repository for a digest alone.
        let Some(layer) = item.as_ref().map(decode::<Layer>).transpose()? else { return Ok(()) };
        let push = &self.peer.registry.push;
        if push.link_anywhere(&self.destination, digest).await? {
            return Ok(());
        }
        let from = self.ports.objects.copy_source(&layer.object);
        Ok(push.copy_blob(&self.destination, digest, &from, layer.size).await?)
    }
}

fn keys(repository: &RepositoryId, blobs: &[Digest]) -> Vec<Key> {
    blobs.iter().map(|blob| Place::Layer(repository, blob).key()).collect()
}
