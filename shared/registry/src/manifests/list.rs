use berth_types::Digest;

use super::image_id::{ImageId, ImageSelector};
use super::walk::{Walk, Walked};
use crate::access::{Action, RepositoryPermit};
use crate::archive::{ImageStatus, StatusFilter, StatusReader};
use crate::error::RegistryError;
use crate::layout::{Place, behind_image};
use crate::ports::{Select, Timestamp};
use crate::registry::Pull;
use berth_types::{MediaType, Reference, Tag};

/// Most bytes of summaries of one page.
const MOST_BYTES: usize = 2 * 1024 * 1024;

/// Which images to list, by their tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagStatus {
    /// Those that have tags.
    Tagged,
    /// Those that have none.
    Untagged,
    /// All.
    Any,
}

/// Which images to list, and where to go on.
#[derive(Clone, Debug)]
pub struct ImageQuery<Position> {
    /// By their tags.
    pub tag_status: TagStatus,
    /// Only those after this one, which need not exist.
    pub after: Option<Position>,
    /// At most so many, at least 1.
    pub limit: usize,
}

/// A page of images: fewer than its limit, or none, though more may follow.
#[derive(Clone, Debug)]
pub struct ImagePage<Image, Position> {
    /// The images, in the order of their digests and tags.
    pub images: Vec<Image>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Position>,
}

/// What is known of an image without its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageDetail {
    /// Digest of the manifest.
    pub digest: Digest,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Size in bytes of its config and layers, of which an index has those of its largest image.
    pub size: u64,
    /// When it was first pushed.
    pub pushed_at: Timestamp,
    /// Media type of the manifest.
    pub media_type: MediaType,
    /// Type of the artifact.
    pub artifact_type: Option<String>,
    /// Manifest that it refers to.
    pub subject: Option<Digest>,
    /// Whether it can be pulled.
    pub status: ImageStatus,
    /// When it last went to the archive.
    pub archived_at: Option<Timestamp>,
    /// When it last came back from there.
    pub activated_at: Option<Timestamp>,
    /// When it was last pulled, to a day.
    pub last_pulled_at: Option<Timestamp>,
}

impl TagStatus {
    /// Whether an image is to be listed that has this tag, or none.
    #[must_use]
    pub fn wants(self, tag: Option<&Tag>) -> bool {
        match self {
            Self::Tagged => tag.is_some(),
            Self::Untagged => tag.is_none(),
            Self::Any => true,
        }
    }
}

impl Pull {
    /// Lists the repository's images of a status, once for each tag, and once those that have none.
    pub async fn list_images(
        &self,
        permit: &RepositoryPermit,
        query: ImageQuery<ImageId>,
        filter: StatusFilter,
    ) -> Result<ImagePage<ImageId, ImageId>, RegistryError> {
        permit.must_be(Action::ListImages);
        let repository = self.directory.recent(permit.name()).await?;
        let mut before = query.after;
        let after = before.as_ref().map(|ImageId { digest, tag }| match tag {
            Some(tag) => Place::ImageTag(&repository.id, digest, tag).key().sort,
            None => Place::Image(&repository.id, digest).key().sort,
        });
        let statuses = StatusReader { table: self.table.as_ref(), repository: &repository };
        let select = statuses.needed();
        let mut walk = Walk::over(self.table.as_ref(), &repository.id, after, select);
        let (mut images, mut of) = (Vec::new(), None);
        while let Some(id) = walk.next_id().await? {
            let status = match (walk.status_of(&id.digest), &of) {
                (Some(status), _) => status,
                (None, Some((digest, status))) if *digest == id.digest => *status,
                // The page before ended amid the tags of this image.
                (None, _) => statuses.of(&id.digest).await?,
            };
            of = Some((id.digest.clone(), status));
            let is_wanted = query.tag_status.wants(id.tag.as_ref()) && filter.wants(status);
            if is_wanted && images.len() == query.limit {
                return Ok(ImagePage { images, next: before });
            }
            before = Some(id.clone());
            if is_wanted {
                images.push(id);
            }
            if walk.is_long() {
                return Ok(ImagePage { images, next: before });
            }
        }
        Ok(ImagePage { images, next: None })
    }

    /// Describes the repository's images of a status.
    pub async fn describe_images(
        &self,
        permit: &RepositoryPermit,
        query: ImageQuery<Digest>,
        filter: StatusFilter,
    ) -> Result<ImagePage<ImageDetail, Digest>, RegistryError> {
        permit.must_be(Action::DescribeImages);
        let repository = self.directory.recent(permit.name()).await?;
        let mut before = query.after;
        let after = before.as_ref().map(behind_image);
        let mut walk = Walk::over(self.table.as_ref(), &repository.id, after, Select::Items);
        let (mut images, mut length) = (Vec::new(), 0);
        while let Some(walked) = walk.next_image().await? {
            let is_wanted = query.tag_status.wants(walked.tags.first())
                && filter.wants(walked.image.storage.status);
            length += if is_wanted { walked.length } else { 0 };
            let is_full = images.len() == query.limit || length > MOST_BYTES && !images.is_empty();
            if is_wanted && is_full {
                return Ok(ImagePage { images, next: before });
            }
            before = Some(walked.digest.clone());
            if is_wanted {
                images.push(ImageDetail::of(walked));
            }
            if walk.is_long() {
                return Ok(ImagePage { images, next: before });
            }
        }
        Ok(ImagePage { images, next: None })
    }

    /// Describes one image.
    pub async fn describe_image(
        &self,
        permit: &RepositoryPermit,
        selector: &ImageSelector,
    ) -> Result<ImageDetail, RegistryError> {
        permit.must_be(Action::DescribeImages);
        let repository = self.directory.recent(permit.name()).await?;
        let digest = selector.resolve(self.table.as_ref(), &repository).await?;
        let walked = Walk::of(self.table.as_ref(), &repository.id, &digest).next_image().await?;
        walked.map(ImageDetail::of).ok_or_else(|| RegistryError::ManifestUnknown {
            repository: repository.name.clone(),
            reference: Reference::Digest(digest),
        })
    }
}

impl ImageDetail {
    fn of(walked: Walked) -> Self {
        let Walked { digest, image, tags, pulled, .. } = walked;
        Self {
            digest,
            tags,
            size: image.content_size,
            pushed_at: image.pushed_at,
            media_type: image.media_type,
            artifact_type: image.artifact_type,
            subject: image.subject,
            status: image.storage.status,
            archived_at: image.storage.archived_at,
            activated_at: image.storage.returned_at(),
            last_pulled_at: pulled,
        }
    }
}
