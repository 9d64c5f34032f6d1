//! The one transaction of a manifest push.

use std::collections::HashSet;
use std::sync::Arc;

use berth_types::{Digest, Tag};
use bytes::Bytes;

use super::put::{PushChange, Pushed};
use super::record::{
    DIGEST, Image, ManifestRecord, PARENTS, TagRecord, content_size, referrer_descriptor,
};
use crate::archive::ImageStorage;
use crate::blobs::LayerUse;
use crate::document::{decode, encode, put};
use crate::error::RegistryError;
use crate::layout::{Place, RepositoryId};
use crate::outbox::{Change, ChangedImage, Event};
use crate::ports::{Condition, Item, Key, MOST_OPERATIONS, Operation, StoreError, Timestamp};
use crate::repositories::Repository;

/// Largest summary of an image, and largest descriptor of a referrer, in bytes: what a client
/// chooses freely in it are the artifact type and the annotations.
const LARGEST_DOCUMENT: usize = 128 * 1024;

/// What the registry holds of what a push depends on, all seen at one moment.
#[derive(Debug)]
pub(super) struct Sight {
    pub(super) repository: Arc<Repository>,
    /// The image itself, if it was pushed before.
    pub(super) image: Option<Item>,
    /// Its tags, in the order of the push.
    pub(super) tags: Vec<Option<Item>>,
    /// Its blobs, in the order of the manifest.
    pub(super) layers: Vec<Option<Item>>,
    /// Its children, in the order of the manifest.
    pub(super) children: Vec<Option<Item>>,
}

impl Sight {
    /// Returns what the push of the image `digest` changes.
    pub(super) fn change(&self, digest: &Digest) -> Result<PushChange, RegistryError> {
        let Some(image) = &self.image else {
            return Ok(PushChange::Made);
        };
        for tag in &self.tags {
            let tag = tag.as_ref().map(decode::<TagRecord>).transpose()?;
            if tag.is_none_or(|tag| tag.digest != *digest) {
                return Ok(PushChange::Tagged);
            }
        }
        match decode::<Image>(image)?.storage.is_active() {
            true => Ok(PushChange::Nothing),
            false => Ok(PushChange::Restored),
        }
    }
}

/// The operations of a push.
#[derive(Debug)]
pub(super) struct Plan {
    /// Use items of an image that has more layers than a transaction holds, written first.
    pub(super) early: Vec<Vec<Operation>>,
    /// Everything else.
    pub(super) transaction: Vec<Operation>,
}

impl Plan {
    pub(super) fn new(
        sight: &Sight,
        pushed: &Pushed,
        record: &ManifestRecord,
        now: Timestamp,
    ) -> Result<Self, RegistryError> {
        let mut builder = Builder {
            sight,
            pushed,
            now,
            operations: Vec::new(),
            raised: HashSet::new(),
            given: Vec::new(),
        };
        let mut uses = Vec::new();
        if sight.image.is_some() {
            builder.raise(Place::Image(&sight.repository.id, &pushed.digest).key());
        } else {
            builder.image(record)?;
            uses = use_items(&sight.repository.id, pushed, now, None)?;
        }
        builder.tags()?;
        builder.event()?;
        let mut transaction = builder.operations;
        if transaction.len() > MOST_OPERATIONS {
            return Err(RegistryError::ManifestTooComplex {
                what: "children and tags",
                count: transaction.len(),
                most: MOST_OPERATIONS,
            });
        }
        if transaction.len() + uses.len() > MOST_OPERATIONS {
            let uses = use_items(&sight.repository.id, pushed, now, Some(now))?;
            let early = uses.chunks(MOST_OPERATIONS).map(<[Operation]>::to_vec).collect();
            return Ok(Self { early, transaction });
        }
        transaction.extend(uses);
        Ok(Self { early: Vec::new(), transaction })
    }
}

struct Builder<'a> {
    sight: &'a Sight,
    pushed: &'a Pushed,
    now: Timestamp,
    operations: Vec<Operation>,
    /// Images whose version an operation raises already; a transaction has one on each key.
    raised: HashSet<Key>,
    /// Tags that the image gets and that it had not.
    given: Vec<Tag>,
}

impl Builder<'_> {
    /// Returns the summary of the image that the push makes.
    fn summary(&self) -> Result<Image, StoreError> {
        let Self { sight, pushed, now, .. } = self;
        let absent = pushed.children.iter().zip(&sight.children).filter(|(_, item)| item.is_none());
        Ok(Image {
            media_type: pushed.media_type.clone(),
            manifest_size: pushed.size,
            content_size: content_size(&pushed.manifest, &sight.children)?,
            pushed_at: *now,
            artifact_type: pushed.manifest.artifact_type.clone(),
            subject: pushed.manifest.subject.as_ref().map(|subject| subject.digest.clone()),
            storage: ImageStorage::default(),
            uncounted: absent.map(|(digest, _)| digest.clone()).collect(),
        })
    }

    /// Adds the image, its manifest, its place among its subject's referrers, and itself to its
    /// children's parents.
    fn image(&mut self, record: &ManifestRecord) -> Result<(), RegistryError> {
        let image = self.summary()?;
        let Self { sight, pushed, now, .. } = *self;
        let (id, version) = (&sight.repository.id, now.millis());
        let key = Place::Image(id, &pushed.digest).key();
        let document = must_fit(encode(&image)?, "bytes in its artifact type")?;
        self.operations.push(put(key, document, version, Condition::Absent));
        self.operations.push(record.creation(&sight.repository, &pushed.digest, now));
        if let Some(subject) = &image.subject {
            self.referrer(subject)?;
        }
        for (child, item) in pushed.children.iter().zip(&sight.children) {
            if item.is_some() {
                let key = Place::Image(id, child).key();
                self.raised.insert(key.clone());
                let counters = vec![(PARENTS, 1)];
                self.operations.push(Operation::Add {
                    key,
                    counters,
                    condition: Condition::Present,
                });
            }
        }
        Ok(())
    }

    fn referrer(&mut self, subject: &Digest) -> Result<(), RegistryError> {
        let Pushed { manifest, media_type, digest, size, .. } = self.pushed;
        let document = encode(&referrer_descriptor(manifest, media_type, digest, *size))?;
        let document = must_fit(document, "bytes in its annotations")?;
        let repository = &self.sight.repository.id;
        let key = Place::Referrer { repository, subject, digest }.key();
        self.operations.push(put(key, document, self.now.millis(), Condition::Any));
        Ok(())
    }

    fn tags(&mut self) -> Result<(), RegistryError> {
        for (tag, item) in self.pushed.tags.iter().zip(&self.sight.tags) {
            self.tag(tag, item.as_ref())?;
        }
        Ok(())
    }

    /// Points `tag` to the image, if it does not already, and if it may move.
    fn tag(&mut self, tag: &Tag, item: Option<&Item>) -> Result<(), RegistryError> {
        let Self { sight, pushed, now, .. } = *self;
        let (repository, id) = (&sight.repository, &sight.repository.id);
        let before = item.map(decode::<TagRecord>).transpose()?;
        let condition = match before {
            None => Condition::Absent,
            Some(before) if before.digest == pushed.digest => return Ok(()),
            Some(_) if !repository.tag_mutability.may_move(tag) => {
                let repository = repository.name.clone();
                return Err(RegistryError::TagImmutable { repository, tag: tag.clone() });
            }
            Some(before) => {
                let key = Place::ImageTag(id, &before.digest, tag).key();
                self.operations.push(Operation::Delete { key, condition: Condition::Any });
                self.raise(Place::Image(id, &before.digest).key());
                Condition::Attribute { name: DIGEST, value: before.digest.to_string() }
            }
        };
        let Pushed { digest, media_type, size, .. } = pushed;
        let (digest, media_type) = (digest.clone(), media_type.clone());
        let record = TagRecord { digest, media_type, size: *size };
        self.operations.push(record.put(repository, tag, now, condition)?);
        let key = Place::ImageTag(id, &pushed.digest, tag).key();
        self.operations.push(put(key, Bytes::new(), now.millis(), Condition::Any));
        self.given.push(tag.clone());
        Ok(())
    }

    /// Adds what tells of the push, if it changes anything.
    fn event(&mut self) -> Result<(), StoreError> {
        let Self { sight, pushed, now, .. } = *self;
        let made = sight.image.is_none();
        let tags = std::mem::take(&mut self.given);
        if !made && tags.is_empty() {
            return Ok(());
        }
        let summary = match &sight.image {
            Some(item) => decode(item)?,
            None => self.summary()?,
        };
        let image = ChangedImage {
            origin: pushed.origin.clone(),
            ..ChangedImage::of(&sight.repository, &pushed.digest, &summary)
        };
        let event = Event::new(Change::ImagePushed { image, tags, made }, now);
        self.operations.push(event.operation()?);
        Ok(())
    }

    /// Raises the version of an image that is there, once.
    fn raise(&mut self, key: Key) {
        if self.raised.insert(key.clone()) {
            let condition = Condition::Present;
            self.operations.push(Operation::Add { key, counters: Vec::new(), condition });
        }
    }
}

/// Returns the operations that write one use item a layer, which may be ahead of the image.
pub(super) fn use_items(
    repository: &RepositoryId,
    pushed: &Pushed,
    now: Timestamp,
    ahead_since: Option<Timestamp>,
) -> Result<Vec<Operation>, StoreError> {
    let use_of = |layer: &Digest| {
        let described = pushed.manifest.blobs().find(|blob| blob.digest == *layer);
        let media_type = described.and_then(|blob| blob.media_type.parse().ok());
        let used = LayerUse { media_type, ahead_since };
        let key = Place::Use { repository, layer, image: &pushed.digest }.key();
        Ok(put(key, encode(&used)?, now.millis(), Condition::Any))
    };
    pushed.blobs.iter().map(use_of).collect()
}

/// Refuses a document that its item could not hold.
fn must_fit(document: Bytes, what: &'static str) -> Result<Bytes, RegistryError> {
    if document.len() > LARGEST_DOCUMENT {
        let (count, most) = (document.len(), LARGEST_DOCUMENT);
        return Err(RegistryError::ManifestTooComplex { what, count, most });
    }
    Ok(document)
}
