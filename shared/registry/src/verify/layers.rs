//! Layers and their bytes; and what says that images use layers, refer to subjects, or are there.

use std::collections::{HashMap, HashSet};

use berth_types::{Digest, Manifest};

use super::blobs::Blob;
use super::repository::{Checked, Content, named};
use super::{Damage, Leftover, Look, Pages};
use crate::blobs::{BlobObject, Layer};
use crate::document::decode;
use crate::error::RegistryError;
use crate::figures::Amounts;
use crate::layout::{
    LAYERS, MANIFESTS, Place, REFERRERS, USES, content as partition, parse_object_key,
};
use crate::manifests::{Image, ManifestBytes, ManifestRecord, distinct};
use crate::ports::{Item, Select};

impl Look<'_> {
    /// Checks the layers: that each has its link, and the bytes that its digest says.
    pub(super) async fn layers(&mut self, content: Content<'_>) -> Result<(), RegistryError> {
        let mut pages = Pages::of(partition(content.id), LAYERS, Select::Items);
        while let Some(items) = pages.next(self.table()).await? {
            let mut layers = Vec::new();
            for item in &items {
                let digest = digest(&item.key.sort, LAYERS);
                match digest.zip(decode::<Layer>(item).ok()) {
                    Some(layer) => layers.push(layer),
                    None => self.damage(content.name, &item.key.sort, Damage::Unreadable),
                }
            }
            let links: Vec<_> =
                layers.iter().map(|(digest, _)| Place::Link(digest, content.id).key()).collect();
            let links = self.get_all(&links).await?;
            let objects =
                distinct(layers.iter().map(|(_, layer)| Place::Object(&layer.object).key()));
            let items = self.get_all(&objects).await?;
            let objects: HashMap<_, _> = objects.into_iter().zip(items).collect();
            for ((digest, layer), link) in layers.into_iter().zip(links) {
                if link.is_none() {
                    self.damage(content.name, format!("layer {digest}"), Damage::LinkMissing);
                }
                let item = objects.get(&Place::Object(&layer.object).key());
                let known = item.and_then(|item| decode::<BlobObject>(item.as_ref()?).ok());
                // Objects of an earlier version have other keys, no items, and stay.
                let needs_item = parse_object_key(&layer.object).is_some();
                if needs_item && known.is_none_or(|known| known.digest != digest) {
                    let damage = Damage::ObjectUnknown(layer.object.as_str().to_owned());
                    self.damage(content.name, format!("layer {digest}"), damage);
                }
                self.watch.named(&layer.object);
                let Layer { object, size, .. } = layer;
                let blob = Blob { repository: content.name.clone(), digest, object, size };
                let done = self.blobs.check(blob).await;
                self.take(done);
            }
        }
        Ok(())
    }

    /// Waits for the digests that are still computed.
    pub(super) async fn finish_blobs(&mut self) {
        while let Some(done) = self.blobs.next().await {
            self.take(vec![done]);
        }
    }

    fn take(&mut self, done: Vec<(Blob, Result<(), Damage>)>) {
        for (blob, result) in done {
            self.tally.objects += 1;
            self.tally.bytes += blob.size;
            if let Err(damage) = result {
                self.damage(&blob.repository, format!("layer {}", blob.digest), damage);
            }
            self.watch.came(&self.tally);
        }
    }

    /// Looks for uses of layers by images that don't use them, if there are more uses than the
    /// images have.
    pub(super) async fn uses(
        &mut self,
        content: Content<'_>,
        checked: &Checked,
    ) -> Result<(), RegistryError> {
        if self.count(content, USES).await? == checked.uses {
            return Ok(());
        }
        let mut pages = Pages::of(partition(content.id), USES, Select::Keys);
        while let Some(items) = pages.next(self.table()).await? {
            for item in items {
                let Some((layer, image)) = digests(&item.key.sort, USES) else {
                    self.damage(content.name, &item.key.sort, Damage::Unreadable);
                    continue;
                };
                match self.stored_manifest(content, &image).await? {
                    Stored::Manifest(manifest)
                        if manifest.blobs().all(|blob| blob.digest != layer) =>
                    {
                        let damage = Damage::UseWrong(named(&image));
                        self.damage(content.name, format!("layer {layer}"), damage);
                    }
                    Stored::NoImage => {
                        let what = format!("use of layer {layer} by {}", named(&image));
                        self.left(content.name, what, Leftover::Use);
                    }
                    // What can't be read was told already.
                    Stored::Manifest(_) | Stored::Damaged => {}
                }
            }
        }
        Ok(())
    }

    /// Looks for manifests whose image is not there, if there are more manifests than images.
    pub(super) async fn manifests_without_images(
        &mut self,
        content: Content<'_>,
        checked: &Checked,
    ) -> Result<(), RegistryError> {
        if self.count(content, MANIFESTS).await? == checked.manifests {
            return Ok(());
        }
        let mut pages = Pages::of(partition(content.id), MANIFESTS, Select::Keys);
        while let Some(items) = pages.next(self.table()).await? {
            for item in items {
                let Some(digest) = digest(&item.key.sort, MANIFESTS) else {
                    self.damage(content.name, &item.key.sort, Damage::Unreadable);
                    continue;
                };
                if self.get(&Place::Image(content.id, &digest).key()).await?.is_none() {
                    let what = format!("manifest {digest}");
                    self.damage(content.name, what, Damage::ImageMissing);
                }
            }
        }
        Ok(())
    }

    /// Checks that referrers refer to what they are listed under.
    pub(super) async fn referrers(&mut self, content: Content<'_>) -> Result<(), RegistryError> {
        let mut pages = Pages::of(partition(content.id), REFERRERS, Select::Keys);
        while let Some(items) = pages.next(self.table()).await? {
            let listed: Vec<_> =
                items.iter().filter_map(|item| digests(&item.key.sort, REFERRERS)).collect();
            if listed.len() < items.len() {
                self.damage(content.name, "a list of referrers", Damage::Unreadable);
            }
            let keys =
                distinct(listed.iter().map(|(_, image)| Place::Image(content.id, image).key()));
            let images = self.get_all(&keys).await?;
            let refers: HashSet<_> = keys
                .into_iter()
                .zip(&images)
                .filter_map(|(key, item)| Some((key, subject(item.as_ref()?)?)))
                .collect();
            for (subject, image) in listed {
                let key = Place::Image(content.id, &image).key();
                if !refers.contains(&(key, subject.clone())) {
                    let damage = Damage::ReferrerWrong(subject.to_string());
                    self.damage(content.name, named(&image), damage);
                }
            }
        }
        Ok(())
    }

    /// Takes note of the objects of a repository that was deleted, and returns what its figures
    /// say that are still to be taken from the registry's.
    pub(super) async fn deleted(&mut self, content: Content<'_>) -> Result<Amounts, RegistryError> {
        self.left(content.name, "the repository", Leftover::Deleted);
        for prefix in [LAYERS, MANIFESTS] {
            let mut pages = Pages::of(partition(content.id), prefix, Select::Items);
            while let Some(items) = pages.next(self.table()).await? {
                for item in &items {
                    let manifest = || match ManifestRecord::read(item).ok()?.bytes {
                        ManifestBytes::Object(object, _) => Some(object),
                        ManifestBytes::Here(_) => None,
                    };
                    let object = match prefix {
                        LAYERS => decode::<Layer>(item).ok().map(|layer| layer.object),
                        _ => manifest(),
                    };
                    if let Some(object) = object {
                        self.watch.named(&object);
                    }
                }
            }
        }
        let figures = self.figures(content).await?;
        Ok(figures.map(|figures| figures.total()).unwrap_or_default())
    }

    async fn count(&self, content: Content<'_>, prefix: &str) -> Result<usize, RegistryError> {
        let mut pages = Pages::of(partition(content.id), prefix, Select::Keys);
        let mut count = 0;
        while let Some(items) = pages.next(self.table()).await? {
            count += items.len();
        }
        Ok(count)
    }

    async fn stored_manifest(
        &self,
        content: Content<'_>,
        digest: &Digest,
    ) -> Result<Stored, RegistryError> {
        let keys =
            [Place::Image(content.id, digest).key(), Place::Manifest(content.id, digest).key()];
        let mut items = self.get_all(&keys).await?.into_iter();
        if items.next().flatten().is_none() {
            return Ok(Stored::NoImage);
        }
        let Some(Ok(record)) = items.next().flatten().as_ref().map(ManifestRecord::read) else {
            return Ok(Stored::Damaged);
        };
        let Ok(bytes) = record.bytes.read(self.verify.objects.as_ref()).await else {
            return Ok(Stored::Damaged);
        };
        let manifest = Manifest::parse(Some(&record.media_type), &bytes);
        Ok(manifest.map_or(Stored::Damaged, Stored::Manifest))
    }
}

/// What is stored of an image.
enum Stored {
    NoImage,
    Manifest(Manifest),
    /// Its manifest is not there, or can't be read.
    Damaged,
}

fn subject(image: &Item) -> Option<Digest> {
    decode::<Image>(image).ok()?.subject
}

fn digest(sort: &str, prefix: &str) -> Option<Digest> {
    sort.strip_prefix(prefix)?.parse().ok()
}

fn digests(sort: &str, prefix: &str) -> Option<(Digest, Digest)> {
    let (first, second) = sort.strip_prefix(prefix)?.split_once('/')?;
    Some((first.parse().ok()?, second.parse().ok()?))
}
