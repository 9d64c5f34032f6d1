use std::sync::Arc;

use berth_types::{
    Algorithm, Descriptor, Digest, Manifest, ManifestContent, MediaType, Reference, RepositoryName,
    Tag,
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use uuid::Uuid;

use super::record::{Image, ManifestBytes, ManifestRecord};
use super::transaction::{Plan, Sight};
use crate::access::{Action, RepositoryPermit};
use crate::blobs::{Deletion, Layer};
use crate::contention::{Attempts, won};
use crate::document::decode;
use crate::error::{MissingContent, RegistryError};
use crate::layout::{Place, manifest_object};
use crate::outbox::Origin;
use crate::ports::{Consistency, Item, Key, NewObject};
use crate::registry::{Push, SparseManifests};
use crate::repositories::Repository;

/// Largest manifest that is kept in its item; a larger one is an object.
const LARGEST_IN_ITEM: usize = 256 * 1024;

/// The most layers of an image whose use items are taken to have come with the image when it is
/// pushed again: there is room for them beside many tags.
const SURELY_TOGETHER: usize = 50;

/// A manifest to push.
#[derive(Clone, Debug)]
pub struct PutManifest {
    /// Tag to give it, or digest that it must have.
    pub reference: Reference,
    /// More tags to give it.
    pub tags: Vec<Tag>,
    /// Media type that the client names.
    pub content_type: Option<MediaType>,
    /// The bytes.
    pub bytes: Bytes,
}

/// What was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutManifestOutcome {
    /// Digest.
    pub digest: Digest,
    /// Media type.
    pub media_type: MediaType,
    /// Manifest that the pushed one refers to.
    pub subject: Option<Digest>,
    /// What the push changed.
    pub change: PushChange,
}

/// What a push of a manifest changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushChange {
    /// It made the image.
    Made,
    /// The image was there, and has a tag that it had not. If it was in the archive, it came back.
    Tagged,
    /// The image was in the archive, and came back.
    Restored,
    /// Nothing: the image was there, with these tags.
    Nothing,
}

/// A manifest that was parsed, on its way into the table.
#[derive(Debug)]
pub(super) struct Pushed {
    pub(super) manifest: Manifest,
    pub(super) media_type: MediaType,
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) tags: Vec<Tag>,
    /// Registry that it is replicated from, if it is.
    pub(super) origin: Option<Origin>,
    /// Distinct blobs that the manifest names.
    pub(super) blobs: Vec<Digest>,
    /// Distinct children of an index.
    pub(super) children: Vec<Digest>,
}

/// What a push has written.
#[derive(Debug)]
struct Written {
    repository: Arc<Repository>,
    change: PushChange,
    uses: Uses,
}

/// When the use items of an image's layers were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Uses {
    /// With the image.
    Together,
    /// Before the image: a deletion of the same image that went on beside may have taken them.
    Apart,
}

impl Push {
    /// Pushes a manifest into the repository that the permit names, and makes the repository
    /// first if it is not there and `create` permits it. What it refers to must be there.
    pub async fn put_manifest(
        &self,
        permit: &RepositoryPermit,
        create: Option<&RepositoryPermit>,
        put: PutManifest,
    ) -> Result<PutManifestOutcome, RegistryError> {
        permit.must_be_any(&[Action::PutImage, Action::ReplicateImage]);
        let pushed = Pushed::parse(&put, permit.origin().cloned())?;
        let name = permit.name();
        let repository = self.repository_to_push(permit, create).await?;
        let record = self.store_bytes(&repository, &pushed, put.bytes).await?;
        let written = self.write(name, &pushed, &record).await;
        self.drop_unused_object(&record, &written).await?;
        let Written { repository, change, uses } = written?;
        if uses == Uses::Apart {
            self.settle_uses(&repository, &pushed).await?;
        }
        self.settle(&repository, &pushed).await?;
        let subject = pushed.manifest.subject.map(|subject| subject.digest);
        let Pushed { digest, media_type, .. } = pushed;
        Ok(PutManifestOutcome { digest, media_type, subject, change })
    }

    /// Stores the bytes of a large manifest as an object.
    async fn store_bytes(
        &self,
        repository: &Repository,
        pushed: &Pushed,
        bytes: Bytes,
    ) -> Result<ManifestRecord, RegistryError> {
        let media_type = pushed.media_type.clone();
        if bytes.len() <= LARGEST_IN_ITEM {
            return Ok(ManifestRecord { media_type, bytes: ManifestBytes::Here(bytes) });
        }
        let object = manifest_object(&repository.id, &pushed.digest, Uuid::new_v4());
        let size = bytes.len() as u64;
        let (encryption, digest) = (&repository.encryption, Some(&pushed.digest));
        let new = NewObject { key: &object, encryption, digest };
        self.objects.put(new, stream::iter([Ok(bytes)]).boxed()).await?;
        Ok(ManifestRecord { media_type, bytes: ManifestBytes::Object(object, size) })
    }

    /// Deletes the object of a large manifest, unless the image that was written holds it.
    async fn drop_unused_object(
        &self,
        record: &ManifestRecord,
        written: &Result<Written, RegistryError>,
    ) -> Result<(), RegistryError> {
        let ManifestBytes::Object(object, _) = &record.bytes else { return Ok(()) };
        let is_unused = match written {
            Ok(written) => written.change != PushChange::Made,
            // A store that failed may have written all the same: then collection decides.
            Err(RegistryError::Store(_)) => false,
            Err(_) => true,
        };
        if is_unused {
            self.objects.delete(object).await?;
        }
        Ok(())
    }

    /// Writes the image in one transaction, as often as others are faster.
    async fn write(
        &self,
        name: &RepositoryName,
        pushed: &Pushed,
        record: &ManifestRecord,
    ) -> Result<Written, RegistryError> {
        let mut attempts = Attempts::at(&pushed.digest);
        loop {
            let sight = self.look(name, pushed).await?;
            self.must_have_content(&sight, pushed)?;
            if !self.keep_condemned(&sight, pushed).await? {
                attempts.next().await?;
                continue;
            }
            let change = sight.change(&pushed.digest)?;
            let additions = self.must_have_room(&sight, pushed, change).await?;
            let plan = Plan::new(&sight, pushed, record, self.clock.now())?;
            let uses = match plan.early.is_empty() && pushed.blobs.len() <= SURELY_TOGETHER {
                true => Uses::Together,
                false => Uses::Apart,
            };
            if self.transact_all(plan).await? {
                self.take_note(&additions);
                return Ok(Written { repository: sight.repository, change, uses });
            }
            attempts.next().await?;
        }
    }

    /// Carries out a plan; `false` if another request was faster at one of its transactions.
    async fn transact_all(&self, plan: Plan) -> Result<bool, RegistryError> {
        for early in plan.early {
            if !won(self.table.transact(early).await)? {
                return Ok(false);
            }
        }
        Ok(won(self.table.transact(plan.transaction).await)?)
    }

    /// Reads, consistently and at once, all that the push depends on.
    async fn look(&self, name: &RepositoryName, pushed: &Pushed) -> Result<Sight, RegistryError> {
        let unknown = || RegistryError::RepositoryUnknown(name.clone());
        loop {
            let recent = self.directory.recent(name).await?;
            let keys = pushed.keys(&recent);
            let mut items = self.table.batch_get(&keys, Consistency::Strong).await?.into_iter();
            let record = items.next().flatten();
            let repository = self.directory.learn(name, record.as_ref())?.ok_or_else(unknown)?;
            if repository.id != recent.id {
                continue;
            }
            let image = items.next().flatten();
            let tags = items.by_ref().take(pushed.tags.len()).collect();
            let layers = items.by_ref().take(pushed.blobs.len()).collect();
            return Ok(Sight { repository, image, tags, layers, children: items.collect() });
        }
    }

    /// Takes back what collection is about to do to the image's layers, before the image uses them;
    /// `false` if one changed meanwhile. Of a layer that is not condemned by now, collection sees
    /// the use in time, since it waits for longer than any request lasts.
    async fn keep_condemned(&self, sight: &Sight, pushed: &Pushed) -> Result<bool, RegistryError> {
        for (digest, item) in pushed.blobs.iter().zip(&sight.layers) {
            let Some(item) = item else { continue };
            let layer: Layer = decode(item)?;
            if matches!(layer.deletion, Deletion::Condemned(_))
                && !self.keep(&sight.repository, digest, &layer, item.version).await?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn must_have_content(&self, sight: &Sight, pushed: &Pushed) -> Result<(), RegistryError> {
        if self.rules.sparse_manifests == SparseManifests::Allow {
            return Ok(());
        }
        let content = match pushed.manifest.content {
            ManifestContent::Image { .. } => MissingContent::Layers,
            ManifestContent::Index { .. } => MissingContent::Images,
        };
        let mut missing = Vec::new();
        for (digest, item) in pushed.blobs.iter().zip(&sight.layers) {
            if pushed.manifest.requires(digest) && !is_visible(item.as_ref())? {
                missing.push(digest.clone());
            }
        }
        let children = pushed.children.iter().zip(&sight.children);
        for (digest, item) in children {
            if !is_active(item.as_ref())? {
                missing.push(digest.clone());
            }
        }
        let repository = sight.repository.name.clone();
        match missing.is_empty() {
            true => Ok(()),
            false => Err(RegistryError::ContentMissing { repository, content, missing }),
        }
    }
}

fn is_visible(layer: Option<&Item>) -> Result<bool, RegistryError> {
    let layer = layer.map(decode::<Layer>).transpose()?;
    Ok(layer.is_some_and(|layer| layer.is_visible()))
}

/// Whether an image is there, and can be pulled.
fn is_active(image: Option<&Item>) -> Result<bool, RegistryError> {
    let image = image.map(decode::<Image>).transpose()?;
    Ok(image.is_some_and(|image| image.storage.is_active()))
}

impl Pushed {
    fn parse(put: &PutManifest, origin: Option<Origin>) -> Result<Self, RegistryError> {
        let manifest = Manifest::parse(put.content_type.as_ref(), &put.bytes)?;
        let (algorithm, expected, tag) = match &put.reference {
            Reference::Digest(digest) => (digest.algorithm(), Some(digest), None),
            Reference::Tag(tag) => (Algorithm::Sha256, None, Some(tag)),
        };
        let digest = Digest::of(algorithm, &put.bytes);
        if let Some(expected) = expected
            && *expected != digest
        {
            let expected = expected.clone();
            return Err(RegistryError::DigestMismatch { expected, actual: digest });
        }
        let media_type = manifest
            .kind
            .media_type()
            .parse()
            .map_err(|_| berth_types::ParseManifestError::MediaTypeMissing)?;
        Ok(Self {
            media_type,
            digest,
            size: put.bytes.len() as u64,
            tags: distinct(tag.into_iter().chain(&put.tags).cloned()),
            origin,
            blobs: distinct(manifest.blobs().map(|blob| blob.digest.clone())),
            children: distinct(manifest.children().iter().map(digest_of)),
            manifest,
        })
    }

    /// Returns the keys of the repository's record, the image, its tags, blobs and children.
    fn keys(&self, repository: &Repository) -> Vec<Key> {
        let id = &repository.id;
        let mut keys =
            vec![Place::Repository(&repository.name).key(), Place::Image(id, &self.digest).key()];
        keys.extend(self.tags.iter().map(|tag| Place::Tag(id, tag).key()));
        keys.extend(self.blobs.iter().map(|blob| Place::Layer(id, blob).key()));
        keys.extend(self.children.iter().map(|child| Place::Image(id, child).key()));
        keys
    }
}

fn digest_of(descriptor: &Descriptor) -> Digest {
    descriptor.digest.clone()
}

/// Returns the values without repetitions, in the order of their first appearance.
pub(crate) fn distinct<T: Clone + Eq + std::hash::Hash>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = std::collections::HashSet::new();
    values.filter(|value| seen.insert(value.clone())).collect()
}
