//! The pages of a run's results: as many as fit an item, in the order of their digests. A page's
//! key ends with its last digest, so that one read finds the page that may hold a digest.

use berth_types::Digest;
use uuid::Uuid;

use super::LifecyclePreviews;
use super::record::PreviewedImage;
use crate::contention::{Attempts, won};
use crate::document::{decode, encode, put};
use crate::error::RegistryError;
use crate::layout::{LIFECYCLE_PREVIEWS, Place, RepositoryId, content, lifecycle_preview_pages};
use crate::ports::{Condition, Consistency, Item, Key, MOST_OPERATIONS, Operation, Query, Select};

/// How long a page is at least, in bytes, before the next one begins; the last may be shorter. The
/// longest result beside it still fits an item.
const PAGE: usize = 24 * 1024;

/// How many bytes of pages one transaction writes, or a little more.
const AT_ONCE: usize = 1024 * 1024;

impl LifecyclePreviews {
    /// Writes the results of a run.
    pub(super) async fn write_pages(
        &self,
        id: &RepositoryId,
        run: Uuid,
        images: Vec<PreviewedImage>,
    ) -> Result<(), RegistryError> {
        let (mut operations, mut bytes) = (Vec::new(), 0);
        let mut images = images.into_iter().peekable();
        while images.peek().is_some() {
            let mut page = Page::default();
            while page.length < PAGE
                && let Some(image) = images.next()
            {
                page.length += encode(&image)?.len();
                page.images.push(image);
            }
            let Some(last) = page.images.last() else { break };
            let key = Place::LifecyclePreviewPage { repository: id, run, last: &last.digest }.key();
            bytes += page.length;
            operations.push(put(key, encode(&page.images)?, 1, Condition::Any));
            if bytes >= AT_ONCE || operations.len() == MOST_OPERATIONS || images.peek().is_none() {
                self.write(id, std::mem::take(&mut operations)).await?;
                bytes = 0;
            }
        }
        Ok(())
    }

    /// Returns the results of the next pages of a run, of which the first may begin at or before
    /// `after`; none at the end.
    pub(super) async fn read_pages(
        &self,
        id: &RepositoryId,
        run: Uuid,
        after: Option<&Digest>,
        limit: usize,
    ) -> Result<Vec<PreviewedImage>, RegistryError> {
        let after =
            after.map(|last| Place::LifecyclePreviewPage { repository: id, run, last }.key().sort);
        let mut images = Vec::new();
        for item in self.query_pages(id, run, after, limit).await? {
            images.extend(decode::<Vec<PreviewedImage>>(&item)?);
        }
        Ok(images)
    }

    /// Returns the results of the one page that may hold `digest`.
    pub(super) async fn read_page_of(
        &self,
        id: &RepositoryId,
        run: Uuid,
        digest: &Digest,
    ) -> Result<Vec<PreviewedImage>, RegistryError> {
        let key = Place::LifecyclePreviewPage { repository: id, run, last: digest }.key();
        // The page may end with the digest itself. Before that lies nothing but what differs from
        // it in the last digit.
        let mut after = key.sort.clone();
        after.pop();
        while let Some(item) = self.query_pages(id, run, Some(after), 1).await?.into_iter().next() {
            if item.key.sort >= key.sort {
                return Ok(decode(&item)?);
            }
            after = item.key.sort;
        }
        Ok(Vec::new())
    }

    /// Returns pages after a sort key; none at the end.
    async fn query_pages(
        &self,
        id: &RepositoryId,
        run: Uuid,
        mut after: Option<String>,
        limit: usize,
    ) -> Result<Vec<Item>, RegistryError> {
        loop {
            let query = Query {
                partition: content(id),
                prefix: lifecycle_preview_pages(run),
                after,
                limit,
                consistency: Consistency::Strong,
                select: Select::Items,
            };
            let page = self.table.query(&query).await?;
            after = page.next;
            if !page.items.is_empty() || after.is_none() {
                return Ok(page.items);
            }
        }
    }

    /// Deletes the pages of a run.
    pub(super) async fn delete_pages_of(
        &self,
        id: &RepositoryId,
        run: Uuid,
    ) -> Result<(), RegistryError> {
        self.delete_pages(id, lifecycle_preview_pages(run), None).await
    }

    /// Deletes the pages of all runs but one.
    pub(super) async fn delete_pages_but(
        &self,
        id: &RepositoryId,
        run: Uuid,
    ) -> Result<(), RegistryError> {
        self.delete_pages(id, LIFECYCLE_PREVIEWS.to_owned(), Some(run)).await
    }

    async fn delete_pages(
        &self,
        id: &RepositoryId,
        prefix: String,
        but: Option<Uuid>,
    ) -> Result<(), RegistryError> {
        let kept = but.map(lifecycle_preview_pages);
        let is_kept = |key: &Key| kept.as_ref().is_some_and(|kept| key.sort.starts_with(kept));
        let mut after = None;
        loop {
            let query = Query {
                partition: content(id),
                prefix: prefix.clone(),
                after,
                limit: MOST_OPERATIONS,
                consistency: Consistency::Strong,
                select: Select::Keys,
            };
            let page = self.table.query(&query).await?;
            let keys = page.items.into_iter().map(|item| item.key).filter(|key| !is_kept(key));
            let delete = |key| Operation::Delete { key, condition: Condition::Any };
            let operations: Vec<_> = keys.map(delete).collect();
            if !operations.is_empty() {
                self.write(id, operations).await?;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// Carries out operations without conditions.
    async fn write(
        &self,
        id: &RepositoryId,
        operations: Vec<Operation>,
    ) -> Result<(), RegistryError> {
        let mut attempts = Attempts::at(&id.as_str());
        while !won(self.table.transact(operations.clone()).await)? {
            attempts.next().await?;
        }
        Ok(())
    }
}

/// Results on their way into an item.
#[derive(Debug, Default)]
struct Page {
    images: Vec<PreviewedImage>,
    /// How long they are together, in bytes.
    length: usize,
}
