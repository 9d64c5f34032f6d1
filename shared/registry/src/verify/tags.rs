//! Tags, which point to images that know of them.

use std::collections::HashMap;

use berth_types::{Digest, Tag};

use super::repository::{Content, named};
use super::{Damage, Look, Pages};
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{Place, TAGS, content as partition};
use crate::manifests::{DIGEST, Image, TagRecord, distinct};
use crate::ports::{Item, Select};

impl Look<'_> {
    /// Checks the tags: that each points to an image, says the same, and that the image knows it.
    pub(super) async fn tags(&mut self, content: Content<'_>) -> Result<(), RegistryError> {
        let mut pages = Pages::of(partition(content.id), TAGS, Select::Items);
        while let Some(items) = pages.next(self.table()).await? {
            let mut records = Vec::new();
            for item in &items {
                let Some(record) = read(item) else {
                    let tag = item.key.sort.trim_start_matches(TAGS);
                    self.damage(content.name, called(&tag), Damage::Unreadable);
                    continue;
                };
                records.push(record);
            }
            let images =
                records.iter().map(|(_, record)| Place::Image(content.id, &record.digest).key());
            let images = distinct(images);
            let found = self.get_all(&images).await?;
            let images: HashMap<_, _> = images.into_iter().zip(found).collect();
            let keys: Vec<_> = records
                .iter()
                .map(|(tag, record)| Place::ImageTag(content.id, &record.digest, tag).key())
                .collect();
            let known = self.get_all(&keys).await?;
            for ((tag, record), known) in records.iter().zip(known) {
                let key = Place::Image(content.id, &record.digest).key();
                match images.get(&key).and_then(Option::as_ref) {
                    None => self.damage(content.name, called(tag), Damage::ImageMissing),
                    Some(image) if !agrees(record, image) => {
                        self.damage(content.name, called(tag), Damage::TagDiffers);
                    }
                    Some(_) => {}
                }
                if known.is_none() {
                    let damage = Damage::ImageTagMissing(named(&record.digest));
                    self.damage(content.name, called(tag), damage);
                }
            }
        }
        Ok(())
    }

    /// Checks tags that images have: that each points to its image.
    pub(super) async fn tags_of_images(
        &mut self,
        content: Content<'_>,
        tags: &[(Digest, Tag)],
    ) -> Result<(), RegistryError> {
        let keys: Vec<_> = distinct(tags.iter().map(|(_, tag)| Place::Tag(content.id, tag).key()));
        let items = self.get_all(&keys).await?;
        let found: HashMap<_, _> = keys.into_iter().zip(items).collect();
        for (digest, tag) in tags {
            let item = found.get(&Place::Tag(content.id, tag).key()).and_then(Option::as_ref);
            let points = item.and_then(|item| item.attributes.get(DIGEST));
            if points != Some(&digest.to_string()) {
                self.damage(content.name, called(tag), Damage::TagMissing(named(digest)));
            }
        }
        Ok(())
    }
}

/// Reads a tag; `None` if it can't be read, or if its item contradicts itself.
fn read(item: &Item) -> Option<(Tag, TagRecord)> {
    let tag = item.key.sort.strip_prefix(TAGS)?.parse().ok()?;
    let record: TagRecord = decode(item).ok()?;
    let is_consistent = item.attributes.get(DIGEST) == Some(&record.digest.to_string());
    is_consistent.then_some((tag, record))
}

/// Whether a tag says of its image what the image says. A summary that can't be read is told
/// elsewhere.
fn agrees(record: &TagRecord, image: &Item) -> bool {
    decode::<Image>(image).map_or(true, |image| {
        image.media_type == record.media_type && image.manifest_size == record.size
    })
}

fn called(tag: &impl ToString) -> String {
    format!("tag {}", tag.to_string())
}
