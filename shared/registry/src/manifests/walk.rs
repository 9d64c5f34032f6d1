//! Reading a repository's images in the order of their digests, each with what lies behind it.

use std::collections::VecDeque;

use berth_types::{Digest, Tag};
use serde::{Deserialize, Serialize};

use super::image_id::ImageId;
use super::record::{Image, PARENTS};
use crate::archive::{ARCHIVED_PARENTS, ImageStatus};
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{IMAGES, ImagePart, RepositoryId, content, image, parse_image_key};
use crate::ports::{
    Consistency, Item, Query, ReadTable, Select, StoreError, StoreErrorKind, Timestamp,
};

/// How many items are read at once.
const AT_ONCE: usize = 500;

/// How many items are looked at for one page, so that a page of few among many ends.
const LOOKED_AT: usize = 10_000;

/// Document of an image's last pull.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pulled {
    /// When it was, or the first of the day that it was on.
    pub(super) at: Timestamp,
}

/// An image, and what lies behind it.
#[derive(Debug)]
pub(crate) struct Walked {
    pub(crate) digest: Digest,
    pub(crate) image: Image,
    /// How many indexes list it that are not in the archive.
    pub(crate) parents: u64,
    /// How many indexes in the archive list it.
    pub(crate) archived_parents: u64,
    /// Version of its summary, which its tags raise as well.
    pub(crate) version: u64,
    pub(crate) tags: Vec<Tag>,
    pub(crate) pulled: Option<Timestamp>,
    /// Version of the item of its last pull.
    pub(crate) pulled_version: Option<u64>,
    /// How long the documents and tags are, in bytes.
    pub(crate) length: usize,
}

/// Walks over images.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    table: &'a dyn ReadTable,
    /// The next read; `None` after the last.
    query: Option<Query>,
    read: VecDeque<(Digest, ImagePart, Item)>,
    looked_at: usize,
    /// The last image whose summary was read by [`next_id`](Self::next_id), if all of it was.
    last: Option<(Digest, ImageStatus)>,
}

impl<'a> Walk<'a> {
    /// Begins to walk over a repository's images, after this sort key.
    pub(crate) fn over(
        table: &'a dyn ReadTable,
        id: &RepositoryId,
        after: Option<String>,
        select: Select,
    ) -> Self {
        Self::below(table, id, IMAGES.to_owned(), after, select)
    }

    /// Begins to walk over one image.
    pub(crate) fn of(table: &'a dyn ReadTable, id: &RepositoryId, digest: &Digest) -> Self {
        Self::below(table, id, image(digest), None, Select::Items)
    }

    fn below(
        table: &'a dyn ReadTable,
        id: &RepositoryId,
        prefix: String,
        after: Option<String>,
        select: Select,
    ) -> Self {
        let (limit, consistency) = (AT_ONCE, Consistency::Strong);
        let query = Query { partition: content(id), prefix, after, limit, consistency, select };
        Self { table, query: Some(query), read: VecDeque::new(), looked_at: 0, last: None }
    }

    /// Whether so much was looked at that the page should end.
    pub(super) fn is_long(&self) -> bool {
        self.looked_at >= LOOKED_AT
    }

    /// Returns the status of the image that [`next_id`](Self::next_id) was last about, if this is
    /// it and documents are read.
    pub(super) fn status_of(&self, digest: &Digest) -> Option<ImageStatus> {
        self.last.as_ref().filter(|(last, _)| last == digest).map(|(_, status)| *status)
    }

    /// Returns the next image or, if it has tags, the next of them. Documents are not needed.
    pub(crate) async fn next_id(&mut self) -> Result<Option<ImageId>, RegistryError> {
        while let Some((digest, part, item)) = self.next().await? {
            match part {
                ImagePart::Tag(tag) => return Ok(Some(ImageId { digest, tag: Some(tag) })),
                ImagePart::Pulled => {}
                ImagePart::Summary => {
                    if !item.document.is_empty() {
                        let image: Image = decode(&item)?;
                        self.last = Some((digest.clone(), image.storage.status));
                    }
                    if !self.has_tags(&digest).await? {
                        return Ok(Some(ImageId { digest, tag: None }));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Whether tags of the image follow.
    async fn has_tags(&mut self, of: &Digest) -> Result<bool, RegistryError> {
        while let Some((digest, part, _)) = self.peek().await? {
            match part {
                ImagePart::Tag(_) => return Ok(digest == of),
                ImagePart::Pulled if digest == of => self.next().await?,
                ImagePart::Pulled | ImagePart::Summary => return Ok(false),
            };
        }
        Ok(false)
    }

    /// Returns the next image with all that lies behind it.
    pub(crate) async fn next_image(&mut self) -> Result<Option<Walked>, RegistryError> {
        while let Some((digest, part, item)) = self.next().await? {
            // What is not behind its image was made while the image was deleted, or the reverse.
            if part == ImagePart::Summary {
                let image: Image = decode(&item)?;
                let length = item.document.len();
                let archived_parents = item.counter(ARCHIVED_PARENTS);
                let parents = item.counter(PARENTS) - archived_parents;
                let mut walked = Walked {
                    digest,
                    image,
                    parents: u64::try_from(parents).unwrap_or(0),
                    archived_parents: u64::try_from(archived_parents).unwrap_or(0),
                    version: item.version,
                    tags: Vec::new(),
                    pulled: None,
                    pulled_version: None,
                    length,
                };
                self.add_parts(&mut walked).await?;
                return Ok(Some(walked));
            }
        }
        Ok(None)
    }

    async fn add_parts(&mut self, walked: &mut Walked) -> Result<(), RegistryError> {
        while self.peek().await?.is_some_and(|(digest, part, _)| {
            *digest == walked.digest && *part != ImagePart::Summary
        }) {
            match self.next().await? {
                Some((_, ImagePart::Tag(tag), _)) => {
                    walked.length += tag.as_str().len();
                    walked.tags.push(tag);
                }
                Some((_, ImagePart::Pulled, item)) => {
                    walked.pulled = Some(decode::<Pulled>(&item)?.at);
                    walked.pulled_version = Some(item.version);
                }
                Some((_, ImagePart::Summary, _)) | None => {}
            }
        }
        Ok(())
    }

    async fn peek(&mut self) -> Result<Option<&(Digest, ImagePart, Item)>, RegistryError> {
        while self.read.is_empty()
            && let Some(query) = self.query.take()
        {
            let page = self.table.query(&query).await?;
            self.looked_at += page.items.len();
            for item in page.items {
                let parsed = parse_image_key(&item.key.sort);
                let damaged = || StoreError::new(StoreErrorKind::Damaged, "key among images");
                let (digest, part) = parsed.ok_or_else(damaged)?;
                self.read.push_back((digest, part, item));
            }
            self.query = page.next.map(|after| Query { after: Some(after), ..query });
        }
        Ok(self.read.front())
    }

    async fn next(&mut self) -> Result<Option<(Digest, ImagePart, Item)>, RegistryError> {
        self.peek().await?;
        Ok(self.read.pop_front())
    }
}
