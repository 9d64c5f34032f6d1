//! Images: their manifests, and all that lies elsewhere because of them.

use std::collections::HashMap;

use berth_types::{Digest, Manifest, ManifestContent};

use super::repository::{Checked, Content, Parents, named};
use super::{Damage, Leftover, Look, Pages};
use crate::archive::ARCHIVED_PARENTS;
use crate::blobs::{Layer, LayerStorage};
use crate::document::decode;
use crate::error::RegistryError;
use crate::figures::{Amounts, Counted};
use crate::layout::{IMAGES, ImagePart, Place, content as partition, parse_image_key};
use crate::manifests::{Image, ManifestBytes, ManifestRecord, PARENTS, distinct};
use crate::ports::{Condition, Item, Key, Operation, Select};
use crate::registry::SparseManifests;

/// How many images are looked at together.
const TOGETHER: usize = 50;

/// An image whose manifest was read.
struct Read {
    digest: Digest,
    summary: Image,
    manifest: Manifest,
}

impl Look<'_> {
    /// Checks the images, each with what it is made of, and returns what they come to. Figures are
    /// of those that are `counted`.
    pub(super) async fn images(
        &mut self,
        content: Content<'_>,
        counted: &Counted,
    ) -> Result<Checked, RegistryError> {
        let mut checked = Checked::default();
        let mut pages = Pages::of(partition(content.id), IMAGES, Select::Items);
        let mut last = None;
        while let Some(items) = pages.next(self.table()).await? {
            let mut summaries = Vec::new();
            let mut tags = Vec::new();
            for item in items {
                let Some((digest, part)) = parse_image_key(&item.key.sort) else {
                    self.damage(content.name, &item.key.sort, Damage::Unreadable);
                    continue;
                };
                if part == ImagePart::Summary {
                    last = Some(digest.clone());
                    summaries.push((digest, item));
                    continue;
                }
                if last.as_ref() != Some(&digest) {
                    self.damage(content.name, &item.key.sort, Damage::ImageMissing);
                }
                if let ImagePart::Tag(tag) = part {
                    tags.push((digest, tag));
                }
            }
            for summaries in summaries.chunks(TOGETHER) {
                self.some_images(content, counted, summaries, &mut checked).await?;
            }
            self.tags_of_images(content, &tags).await?;
            self.watch.came(&self.tally);
        }
        Ok(checked)
    }

    async fn some_images(
        &mut self,
        content: Content<'_>,
        counted: &Counted,
        summaries: &[(Digest, Item)],
        checked: &mut Checked,
    ) -> Result<(), RegistryError> {
        self.tally.images += summaries.len() as u64;
        let keys: Vec<_> =
            summaries.iter().map(|(digest, _)| Place::Manifest(content.id, digest).key()).collect();
        let manifests = self.get_all(&keys).await?;
        let mut images = Vec::new();
        for ((digest, item), manifest) in summaries.iter().zip(manifests) {
            let (all, archived) = (item.counter(PARENTS), item.counter(ARCHIVED_PARENTS));
            if (all, archived) != (0, 0) {
                let parents = checked.children.entry(digest.clone()).or_default();
                (parents.found, parents.found_archived) = (all, archived);
            }
            let Ok(summary) = decode::<Image>(item) else {
                self.damage(content.name, named(digest), Damage::Unreadable);
                continue;
            };
            if counted.has(digest) {
                checked.amounts += Amounts::of_image(&summary);
            }
            let Some(manifest) = manifest else {
                self.damage(content.name, named(digest), Damage::ManifestMissing);
                continue;
            };
            checked.manifests += 1;
            match self.manifest(digest, &manifest).await {
                Ok((manifest, size)) => {
                    if !agrees(&summary, &manifest, size) {
                        self.damage(content.name, named(digest), Damage::SummaryDiffers);
                    }
                    images.push(Read { digest: digest.clone(), summary, manifest });
                }
                Err(damage) => {
                    self.damage(content.name, format!("manifest {digest}"), damage);
                }
            }
        }
        let keys = distinct(images.iter().flat_map(|image| image.keys(content)));
        let items = self.get_all(&keys).await?;
        let found: HashMap<_, _> = keys.into_iter().zip(items).collect();
        for image in &images {
            self.parts(content, image, &found, checked);
        }
        Ok(())
    }

    /// Reads a manifest, and checks its digest.
    async fn manifest(&mut self, digest: &Digest, item: &Item) -> Result<(Manifest, u64), Damage> {
        let record = ManifestRecord::read(item).map_err(|_| Damage::Unreadable)?;
        let object = match &record.bytes {
            ManifestBytes::Object(object, _) => Some(object.clone()),
            ManifestBytes::Here(_) => None,
        };
        if let Some(object) = &object {
            self.watch.named(object);
        }
        let bytes = record.bytes.read(self.verify.objects.as_ref()).await;
        let bytes = bytes.map_err(|error| match object {
            Some(object) => Damage::of_object(&object, &error),
            None => Damage::Unreadable,
        })?;
        let actual = Digest::of(digest.algorithm(), &bytes);
        if actual != *digest {
            return Err(Damage::DigestDiffers(actual.to_string()));
        }
        let manifest = Manifest::parse(Some(&record.media_type), &bytes);
        let manifest = manifest.map_err(|error| Damage::ManifestInvalid(error.to_string()))?;
        Ok((manifest, bytes.len() as u64))
    }

    /// Checks what lies elsewhere because of an image; `found` has all of it that is there.
    fn parts(
        &mut self,
        content: Content<'_>,
        image: &Read,
        found: &HashMap<Key, Option<Item>>,
        checked: &mut Checked,
    ) {
        let Read { digest, summary, manifest } = image;
        let at = |key: Key| found.get(&key).and_then(Option::as_ref);
        for layer in distinct(manifest.blobs().map(|blob| blob.digest.clone())) {
            let item = at(Place::Layer(content.id, &layer).key());
            let layer_item = item.and_then(|item| decode::<Layer>(item).ok());
            let may_be_elsewhere = layer_item.is_none() && !manifest.requires(&layer);
            match layer_item.filter(Layer::is_visible) {
                Some(item)
                    if item.storage == LayerStorage::Archived && summary.storage.is_active() =>
                {
                    let damage = Damage::LayerArchived(layer.to_string());
                    self.damage(content.name, named(digest), damage);
                }
                None if !may_be_elsewhere => self.lacks(content, digest, &layer),
                Some(_) | None => {}
            }
            if at(place_of_use(content, &layer, digest)).is_some() {
                checked.uses += 1;
            } else if !may_be_elsewhere {
                let damage = Damage::UseMissing(layer.to_string());
                self.damage(content.name, named(digest), damage);
            }
        }
        if let Some(subject) = &summary.subject {
            let key = Place::Referrer { repository: content.id, subject, digest }.key();
            if at(key).is_none() {
                let damage = Damage::ReferrerMissing(subject.to_string());
                self.damage(content.name, named(digest), damage);
            }
        }
        for child in image.summary.counted_children(&image.manifest) {
            let Some(item) = at(Place::Image(content.id, &child).key()) else {
                let damage = Damage::ChildMissing(child.to_string());
                self.damage(content.name, named(digest), damage);
                continue;
            };
            let is_active = summary.storage.is_active();
            if is_active && decode::<Image>(item).is_ok_and(|child| !child.storage.is_active()) {
                let damage = Damage::ChildArchived(child.to_string());
                self.damage(content.name, named(digest), damage);
            }
            let parents = checked.children.entry(child).or_default();
            parents.expected += 1;
            parents.expected_archived += i64::from(!is_active);
        }
    }

    /// Tells of an image without one of its layers.
    fn lacks(&mut self, content: Content<'_>, digest: &Digest, layer: &Digest) {
        match self.verify.sparse_manifests {
            SparseManifests::Allow => self.left(content.name, named(digest), Leftover::Sparse),
            SparseManifests::Refuse => {
                let damage = Damage::LayerMissing(layer.to_string());
                self.damage(content.name, named(digest), damage);
            }
        }
    }

    /// Checks the counters of parents. What says nothing, and is no child, was not noted.
    pub(super) async fn parents(
        &mut self,
        content: Content<'_>,
        checked: &Checked,
    ) -> Result<(), RegistryError> {
        for (digest, parents) in &checked.children {
            let Parents { found, expected, found_archived, expected_archived } = *parents;
            if (found, found_archived) == (expected, expected_archived) {
                continue;
            }
            let (all, archived) = (expected - found, expected_archived - found_archived);
            let counters = [(PARENTS, all), (ARCHIVED_PARENTS, archived)];
            let key = Place::Image(content.id, digest).key();
            let Some(item) = self.get(&key).await? else { continue };
            let counters = counters.into_iter().filter(|(_, amount)| *amount != 0).collect();
            let condition = Condition::Version(item.version);
            let is_mended = self.mend(vec![Operation::Add { key, counters, condition }]).await?;
            for (counter, found, expected) in [
                ("indexes that list", found, expected),
                ("archived indexes that list", found_archived, expected_archived),
            ] {
                let what = format!("number of {counter} {}", named(digest));
                self.counter(Some(content.name), what, (found, expected), is_mended);
            }
        }
        Ok(())
    }
}

impl Read {
    /// Returns the keys of all that the image needs or causes elsewhere.
    fn keys(&self, content: Content<'_>) -> Vec<Key> {
        let (id, digest) = (content.id, &self.digest);
        let mut keys = Vec::new();
        for blob in self.manifest.blobs() {
            keys.push(Place::Layer(id, &blob.digest).key());
            keys.push(place_of_use(content, &blob.digest, digest));
        }
        if let Some(subject) = &self.summary.subject {
            keys.push(Place::Referrer { repository: id, subject, digest }.key());
        }
        let children = self.summary.counted_children(&self.manifest);
        keys.extend(children.iter().map(|child| Place::Image(id, child).key()));
        keys
    }
}

fn place_of_use(content: Content<'_>, layer: &Digest, image: &Digest) -> Key {
    Place::Use { repository: content.id, layer, image }.key()
}

/// Whether a summary says what the manifest says.
fn agrees(summary: &Image, manifest: &Manifest, size: u64) -> bool {
    let subject = manifest.subject.as_ref().map(|subject| &subject.digest);
    let content = match &manifest.content {
        ManifestContent::Image { config, layers } => {
            Some(layers.iter().fold(config.size, |sum, layer| sum.saturating_add(layer.size)))
        }
        // It was the largest of its children when it was pushed.
        ManifestContent::Index { .. } => None,
    };
    summary.media_type.as_str() == manifest.kind.media_type()
        && summary.manifest_size == size
        && summary.artifact_type == manifest.artifact_type
        && summary.subject.as_ref() == subject
        && content.is_none_or(|content| content == summary.content_size)
}
