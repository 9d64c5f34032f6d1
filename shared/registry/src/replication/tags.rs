use std::collections::VecDeque;

use berth_types::{Digest, Tag};

use super::ReplicationFailure;
use super::course::{Course, Standing};
use super::failure::Stop;
use crate::document::decode;
use crate::error::{QuotaExceeded, RegistryError};
use crate::layout::{Place, RepositoryId};
use crate::manifests::TagRecord;
use crate::ports::{Consistency, ReadTable};

/// How many tags an image gets in one transaction, which has room for a hundred operations.
const AT_ONCE: usize = 20;

impl Course<'_> {
    /// Returns those of the tags that are the image's here, now.
    pub(super) async fn standing_tags(
        &self,
        digest: &Digest,
        tags: &[Tag],
    ) -> Result<Vec<Tag>, Stop> {
        let found = targets(self.ports.table.as_ref(), &self.source.id, tags).await?;
        let own = tags.iter().zip(found).filter(|(_, found)| found.as_ref() == Some(digest));
        Ok(own.map(|(tag, _)| tag.clone()).collect())
    }

    /// Pushes a manifest with tags. One that the destination refuses to move, or has no room for,
    /// stays away, and the image goes without it: returns why the first of them stayed.
    pub(super) async fn put_tagged(
        &self,
        standing: &Standing,
        tags: Vec<Tag>,
    ) -> Result<Option<ReplicationFailure>, Stop> {
        let mut left = VecDeque::from(tags);
        let (mut first_failure, mut is_there) = (None, false);
        while !is_there || !left.is_empty() {
            let some: Vec<_> = left.iter().take(AT_ONCE).cloned().collect();
            match self.put_some(standing, &some).await? {
                Put::Done => {
                    is_there = true;
                    left.drain(..some.len());
                }
                Put::Refused(tag, failure) => {
                    left.retain(|other| *other != tag);
                    first_failure.get_or_insert(failure);
                }
                Put::TooMuch => {
                    self.put(standing).await?;
                    is_there = true;
                }
            }
        }
        Ok(first_failure)
    }

    async fn put_some(&self, standing: &Standing, tags: &[Tag]) -> Result<Put, Stop> {
        let error = match self.push(standing, tags).await {
            Ok(()) => return Ok(Put::Done),
            Err(RegistryError::ManifestTooComplex { .. }) if !tags.is_empty() => {
                return Ok(Put::TooMuch);
            }
            Err(error) => error,
        };
        let refused = match &error {
            RegistryError::TagImmutable { tag, .. }
            | RegistryError::QuotaExceeded(QuotaExceeded::Tags { tag, .. }) => tag.clone(),
            _ => return Err(self.sort(error).await?),
        };
        Ok(Put::Refused(refused, ReplicationFailure::of(error).map_err(Stop::Again)?))
    }
}

/// What came of pushing a manifest with some tags.
enum Put {
    Done,
    /// Nothing was pushed: this tag can't be the image's there.
    Refused(Tag, ReplicationFailure),
    /// Nothing was pushed: image and tags together are too much for one transaction.
    TooMuch,
}

/// Returns the images that tags of a repository point to, each in the place of its tag.
pub(super) async fn targets(
    table: &dyn ReadTable,
    repository: &RepositoryId,
    tags: &[Tag],
) -> Result<Vec<Option<Digest>>, RegistryError> {
    let keys: Vec<_> = tags.iter().map(|tag| Place::Tag(repository, tag).key()).collect();
    let items = table.batch_get(&keys, Consistency::Strong).await?;
    let digest = |item: Option<_>| match item {
        Some(item) => decode::<TagRecord>(&item).map(|record| Some(record.digest)),
        None => Ok(None),
    };
    Ok(items.into_iter().map(digest).collect::<Result<_, _>>()?)
}
