use std::collections::BTreeSet;

use berth_types::Digest;
use uuid::Uuid;

use super::record::{PreviewFigures, PreviewRecord, PreviewState, PreviewedImage};
use super::{LifecyclePreviewError, LifecyclePreviews};
use crate::access::{Action, RepositoryPermit};
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{Place, RepositoryId};
use crate::manifests::{ImageQuery, ImageSelector, TagStatus};
use crate::ports::Consistency;

/// How many pages of results are read at once.
const PAGES: usize = 8;

/// How many results are looked at for one answer, so that one with few among many ends.
const LOOKED_AT: usize = 10_000;

/// What a lifecycle policy would do to a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecyclePreview {
    /// Text of the policy.
    pub policy: String,
    /// How far the preview is.
    pub status: PreviewStatus,
    /// Figures of all results, once it is complete.
    pub figures: Option<PreviewFigures>,
    /// The results that were asked for, in the order of their digests: fewer than the limit, or
    /// none, though more may follow.
    pub images: Vec<PreviewedImage>,
    /// The digest after which more results may follow.
    pub next: Option<Digest>,
}

/// How far a preview is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreviewStatus {
    /// It is being worked out.
    InProgress,
    /// It has results.
    Complete,
    /// It has no results any more, or never ended.
    Expired,
    /// It can't be worked out.
    Failed,
}

/// Some results.
#[derive(Debug, Default)]
struct Found {
    images: Vec<PreviewedImage>,
    next: Option<Digest>,
}

impl LifecyclePreviews {
    /// Returns the repository's preview, with a page of its results.
    ///
    /// # Errors
    ///
    /// [`LifecyclePreviewError::Unknown`] if none was begun.
    pub async fn preview(
        &self,
        permit: &RepositoryPermit,
        query: ImageQuery<Digest>,
    ) -> Result<LifecyclePreview, RegistryError> {
        loop {
            let (id, record) = self.record(permit).await?;
            let found = match record.results(self.clock.now()) {
                Some((run, _)) => self.find(&id, run, &query).await?,
                None => Found::default(),
            };
            if self.is_current(&id, &record).await? {
                return Ok(self.shown(&record, found));
            }
        }
    }

    /// Returns the repository's preview, with those of its results that are about these images and
    /// have this tag status. Images that are not there have none.
    pub async fn preview_of(
        &self,
        permit: &RepositoryPermit,
        selectors: &[ImageSelector],
        tag_status: TagStatus,
    ) -> Result<LifecyclePreview, RegistryError> {
        let digests = self.digests(permit, selectors).await?;
        loop {
            let (id, record) = self.record(permit).await?;
            let mut found = Found::default();
            if let Some((run, _)) = record.results(self.clock.now()) {
                for digest in &digests {
                    let page = self.read_page_of(&id, run, digest).await?;
                    let image = page.into_iter().find(|image| image.digest == *digest);
                    let image = image.filter(|image| tag_status.wants(image.tags.first()));
                    found.images.extend(image);
                }
            }
            if self.is_current(&id, &record).await? {
                return Ok(self.shown(&record, found));
            }
        }
    }

    /// Returns the repository's id, and the record of its preview.
    async fn record(
        &self,
        permit: &RepositoryPermit,
    ) -> Result<(RepositoryId, PreviewRecord), RegistryError> {
        permit.must_be(Action::GetLifecyclePolicyPreview);
        let (repository, _) = self.directory.current(permit.name()).await?;
        let key = Place::LifecyclePreview(&repository.id).key();
        let item = self.table.get(&key, Consistency::Strong).await?;
        let unknown = || LifecyclePreviewError::Unknown(permit.name().clone());
        Ok((repository.id.clone(), decode(&item.ok_or_else(unknown)?)?))
    }

    /// Whether no other preview took the place of this one, whose results would be gone.
    async fn is_current(
        &self,
        id: &RepositoryId,
        record: &PreviewRecord,
    ) -> Result<bool, RegistryError> {
        let key = Place::LifecyclePreview(id).key();
        let item = self.table.get(&key, Consistency::Strong).await?;
        let now = item.as_ref().map(decode::<PreviewRecord>).transpose()?;
        Ok(now.is_some_and(|now| now.id == record.id))
    }

    fn shown(&self, record: &PreviewRecord, found: Found) -> LifecyclePreview {
        let now = self.clock.now();
        let results = record.results(now);
        let status = match &record.state {
            PreviewState::Complete { .. } if results.is_some() => PreviewStatus::Complete,
            PreviewState::InProgress if record.is_in_progress(now) => PreviewStatus::InProgress,
            PreviewState::Complete { .. } | PreviewState::InProgress => PreviewStatus::Expired,
            PreviewState::Failed => PreviewStatus::Failed,
        };
        LifecyclePreview {
            policy: record.policy.clone(),
            status,
            figures: results.map(|(_, figures)| figures.clone()),
            images: found.images,
            next: found.next,
        }
    }

    /// Returns a page of the results of a run.
    async fn find(
        &self,
        id: &RepositoryId,
        run: Uuid,
        query: &ImageQuery<Digest>,
    ) -> Result<Found, RegistryError> {
        let (mut found, mut before, mut looked_at) = (Vec::new(), query.after.clone(), 0);
        loop {
            let read = self.read_pages(id, run, before.as_ref(), PAGES).await?;
            if read.is_empty() {
                return Ok(Found { images: found, next: None });
            }
            for image in read {
                if before.as_ref().is_some_and(|before| image.digest <= *before) {
                    continue;
                }
                let is_wanted = query.tag_status.wants(image.tags.first());
                if is_wanted && found.len() == query.limit || looked_at == LOOKED_AT {
                    return Ok(Found { images: found, next: before });
                }
                looked_at += 1;
                before = Some(image.digest.clone());
                if is_wanted {
                    found.push(image);
                }
            }
        }
    }

    /// Returns the digests of images, each once.
    async fn digests(
        &self,
        permit: &RepositoryPermit,
        selectors: &[ImageSelector],
    ) -> Result<BTreeSet<Digest>, RegistryError> {
        let (repository, _) = self.directory.current(permit.name()).await?;
        let mut digests = BTreeSet::new();
        for selector in selectors {
            match selector.resolve(self.table.as_ref(), &repository).await {
                Ok(digest) => digests.insert(digest),
                Err(RegistryError::ManifestUnknown { .. } | RegistryError::TagElsewhere { .. }) => {
                    continue;
                }
                Err(error) => return Err(error),
            };
        }
        Ok(digests)
    }
}
