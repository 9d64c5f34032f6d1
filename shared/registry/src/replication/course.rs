use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use berth_types::{Digest, Manifest, Reference, Tag};
use bytes::Bytes;

use super::failure::Stop;
use super::{ImageToReplicate, Peer, ReplicationFailure, ReplicationOutcome, ReplicationPorts};
use crate::access::RepositoryPermit;
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::Place;
use crate::manifests::{Image, ManifestRecord, PutManifest, distinct};
use crate::ports::{Consistency, Timestamp};
use crate::repositories::Repository;

/// The replication of one image to one destination.
#[derive(Debug)]
pub(super) struct Course<'a> {
    pub(super) ports: &'a ReplicationPorts,
    /// The repository here.
    pub(super) source: Repository,
    pub(super) peer: &'a Peer,
    /// What the peer permits.
    pub(super) permit: RepositoryPermit,
    /// The repository there.
    pub(super) destination: Arc<Repository>,
    pub(super) until: Timestamp,
}

/// A manifest as it stands here.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) digest: Digest,
    pub(super) record: ManifestRecord,
    pub(super) bytes: Bytes,
    pub(super) manifest: Manifest,
}

impl Course<'_> {
    /// Brings the image with what it consists of, the deepest children first.
    pub(super) async fn run(&self, image: &ImageToReplicate) -> Result<ReplicationOutcome, Stop> {
        let mut path = vec![image.digest.clone()];
        // Children that are not brought: they are not here, or the destination refuses them.
        let (mut left_out, mut of_children) = (HashSet::new(), BTreeSet::new());
        while let Some(digest) = path.last().cloned() {
            self.must_have_time()?;
            let is_root = path.len() == 1;
            let Some(standing) = self.standing(&digest).await? else {
                if is_root {
                    return Err(Stop::Gone);
                }
                left_out.insert(digest);
                path.pop();
                continue;
            };
            let missing = self.missing_children(&standing, &left_out).await?;
            if !missing.is_empty() {
                path.extend(missing);
                continue;
            }
            if is_root {
                return self.bring_root(&standing, image, of_children).await;
            }
            match self.bring(&standing).await {
                Err(Stop::Failed(failure)) => {
                    of_children.insert(failure);
                    left_out.insert(digest);
                }
                brought => brought?,
            }
            path.pop();
        }
        Err(Stop::Gone)
    }

    async fn bring_root(
        &self,
        standing: &Standing,
        image: &ImageToReplicate,
        of_children: BTreeSet<ReplicationFailure>,
    ) -> Result<ReplicationOutcome, Stop> {
        if !of_children.is_empty() {
            let reason = "images that it lists could not be replicated";
            let failure = ReplicationFailure::new("ReferencedImagesNotFound", &reason);
            return Ok(ReplicationOutcome::Failed { failure, of_children });
        }
        self.bring_blobs(standing).await?;
        let tags = self.standing_tags(&image.digest, &image.tags).await?;
        Ok(match self.put_tagged(standing, tags).await? {
            Some(failure) => ReplicationOutcome::failed(failure),
            None => ReplicationOutcome::Complete,
        })
    }

    async fn bring(&self, standing: &Standing) -> Result<(), Stop> {
        self.bring_blobs(standing).await?;
        self.put(standing).await
    }

    /// Pushes a manifest without tags.
    pub(super) async fn put(&self, standing: &Standing) -> Result<(), Stop> {
        match self.push(standing, &[]).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.sort(error).await?),
        }
    }

    /// Pushes a manifest as a client would.
    pub(super) async fn push(
        &self,
        standing: &Standing,
        tags: &[Tag],
    ) -> Result<(), RegistryError> {
        let put = PutManifest {
            reference: Reference::Digest(standing.digest.clone()),
            tags: tags.to_vec(),
            content_type: Some(standing.record.media_type.clone()),
            bytes: standing.bytes.clone(),
        };
        self.peer.registry.push.put_manifest(&self.permit, None, put).await.map(drop)
    }

    /// Returns what an error of a push comes to. Content that the destination lacks may have gone
    /// there meanwhile, if it is here, and is brought again; what is not here can't be brought.
    pub(super) async fn sort(&self, error: RegistryError) -> Result<Stop, Stop> {
        let RegistryError::ContentMissing { missing, .. } = &error else { return Ok(error.into()) };
        let id = &self.source.id;
        let layers = missing.iter().map(|digest| Place::Layer(id, digest).key());
        let images = missing.iter().map(|digest| Place::Image(id, digest).key());
        let keys: Vec<_> = layers.chain(images).collect();
        let items = self.ports.table.batch_get(&keys, Consistency::Strong).await?;
        let (layers, images) = items.split_at(missing.len());
        let is_here =
            layers.iter().zip(images).all(|(one, other)| one.is_some() || other.is_some());
        Ok(match is_here {
            true => Stop::Again(error),
            false => Stop::Failed(ReplicationFailure::new("ContentNotFound", &error)),
        })
    }

    /// Reads a manifest here, if it is still there.
    async fn standing(&self, digest: &Digest) -> Result<Option<Standing>, Stop> {
        let key = Place::Manifest(&self.source.id, digest).key();
        let Some(item) = self.ports.table.get(&key, Consistency::Strong).await? else {
            return Ok(None);
        };
        let record = ManifestRecord::read(&item)?;
        let bytes = record.bytes.clone().read(self.ports.objects.as_ref()).await?;
        let manifest = Manifest::parse(Some(&record.media_type), &bytes)
            .map_err(|error| Stop::from(RegistryError::from(error)))?;
        Ok(Some(Standing { digest: digest.clone(), record, bytes, manifest }))
    }

    /// Returns the children of an index that are not there, or can't be pulled there, but for those
    /// that are `left_out`.
    async fn missing_children(
        &self,
        standing: &Standing,
        left_out: &HashSet<Digest>,
    ) -> Result<Vec<Digest>, Stop> {
        let children = standing.manifest.children().iter().map(|child| child.digest.clone());
        let children = distinct(children.filter(|child| !left_out.contains(child)));
        let id = &self.destination.id;
        let keys: Vec<_> = children.iter().map(|child| Place::Image(id, child).key()).collect();
        let items = self.peer.registry.push.table.batch_get(&keys, Consistency::Strong).await?;
        let mut missing = Vec::new();
        for (child, item) in children.into_iter().zip(items) {
            let image = item.as_ref().map(decode::<Image>).transpose()?;
            if !image.is_some_and(|image| image.storage.is_active()) {
                missing.push(child);
            }
        }
        Ok(missing)
    }

    /// Stops when time is over.
    pub(super) fn must_have_time(&self) -> Result<(), Stop> {
        match self.ports.clock.now() < self.until {
            true => Ok(()),
            false => Err(Stop::CutOff),
        }
    }
}
