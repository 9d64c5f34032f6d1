//! How many items of a kind there are: counted by queries, and remembered for a while.
//!
//! Nothing is written to count, since pushes share no item. Processes that add at the same time may
//! therefore go beyond a quota, by what the others add while a count is remembered.

use std::sync::Arc;
use std::time::Duration;

use berth_types::Digest;
use quick_cache::sync::Cache;

use crate::layout::{IMAGES, ImagePart, NAMES, RepositoryId, content, image_tags, parse_image_key};
use crate::ports::{Clock, Consistency, Item, Query, ReadTable, Select, StoreError, Timestamp};

/// How long a count lets more in, together with what this process adds.
const ADMITS: Duration = Duration::from_mins(5);

/// How long a count keeps more out: whoever made room is let in soon.
const REFUSES: Duration = Duration::from_secs(5);

/// How many counts are remembered.
const REMEMBERED: usize = 10_000;

/// How many items the first query reads.
const FIRST: usize = 1000;

/// How many items each further query reads at most.
const NEXT: usize = 10_000;

/// The fewest images whose digests tell how many there are in all, to some tenths.
const SAMPLE: usize = 100;

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    /// The repositories of the registry.
    Repositories,
    /// The images of a repository.
    Images(RepositoryId),
    /// The tags of an image.
    Tags(RepositoryId, Digest),
}

/// Counts that this process made.
#[derive(Debug)]
pub(crate) struct Counts {
    table: Arc<dyn ReadTable>,
    clock: Arc<dyn Clock>,
    remembered: Cache<Counted, (usize, Timestamp)>,
}

impl Counts {
    pub(crate) fn new(table: Arc<dyn ReadTable>, clock: Arc<dyn Clock>) -> Self {
        Self { table, clock, remembered: Cache::new(REMEMBERED) }
    }

    /// Whether there is room for `more` where at most `most` may be. Costs one query for a count
    /// that is not remembered, and further ones only near the quota.
    pub(crate) async fn has_room(
        &self,
        counted: &Counted,
        more: usize,
        most: usize,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let fits = |number: usize| number.saturating_add(more) <= most;
        match self.remembered.get(counted) {
            Some((number, at)) if fits(number) && now < at.plus(ADMITS) => return Ok(true),
            Some((number, at)) if !fits(number) && now < at.plus(REFUSES) => return Ok(false),
            _ => {}
        }
        let number = self.count(counted, most).await?;
        self.remembered.insert(counted.clone(), (number, now));
        Ok(fits(number))
    }

    /// Takes note of `more` that this process added.
    pub(crate) fn added(&self, counted: &Counted, more: usize) {
        if let Some((number, at)) = self.remembered.get(counted) {
            self.remembered.insert(counted.clone(), (number.saturating_add(more), at));
        }
    }

    /// Takes note that there are as many, since this process has made them all.
    pub(crate) fn learn(&self, counted: &Counted, number: usize) {
        self.remembered.insert(counted.clone(), (number, self.clock.now()));
    }

    /// Counts to `most`, or somewhat further.
    async fn count(&self, counted: &Counted, most: usize) -> Result<usize, StoreError> {
        let (partition, prefix) = match counted {
            Counted::Repositories => (NAMES.to_owned(), String::new()),
            Counted::Images(id) => (content(id), IMAGES.to_owned()),
            Counted::Tags(id, digest) => (content(id), image_tags(digest)),
        };
        let (limit, consistency, select) = (FIRST, Consistency::Strong, Select::Keys);
        let mut query = Query { partition, prefix, after: None, limit, consistency, select };
        let mut number = 0;
        loop {
            let page = self.table.query(&query).await?;
            number += page.items.iter().filter(|item| counted.counts(item)).count();
            let Some(next) = page.next.filter(|_| number < most) else {
                return Ok(number);
            };
            if query.after.is_none()
                && let Some(estimate) = counted.estimate(number, &next)
                && estimate < most / 4 * 3
            {
                return Ok(estimate);
            }
            query.after = Some(next);
            query.limit = NEXT;
        }
    }
}

impl Counted {
    fn counts(&self, item: &Item) -> bool {
        match self {
            Self::Repositories | Self::Tags(..) => true,
            Self::Images(_) => {
                matches!(parse_image_key(&item.key.sort), Some((_, ImagePart::Summary)))
            }
        }
    }

    /// Estimates how many images there are, of which the first `number` end at the sort key `last`:
    /// digests are spread evenly, so that they are the same part of all images as the last one's
    /// digest is of all digests.
    fn estimate(&self, number: usize, last: &str) -> Option<usize> {
        let Self::Images(_) = self else { return None };
        let (digest, _) = parse_image_key(last)?;
        let begin = u32::from_str_radix(digest.hex().get(..8)?, 16).ok()?;
        let (number, part) = (u64::try_from(number).ok()?, u64::from(begin) + 1);
        let all = (number << 32) / part;
        usize::try_from(all).ok().filter(|_| number >= SAMPLE as u64)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn digests_tell_how_many_images_there_are() {
        let id = RepositoryId::new(Uuid::nil());
        let images = Counted::Images(id.clone());
        let at = |hex: &str| format!("image/sha256:{hex}{}", "0".repeat(64 - hex.len()));
        assert_eq!(images.estimate(1000, &at("80000000")), Some(1999));
        assert_eq!(images.estimate(1000, &at("028f5c28")), Some(99_999));
        assert_eq!(images.estimate(1000, &format!("{}/tag/v1", at("ffffffff"))), Some(1000));
        assert_eq!(images.estimate(99, &at("80000000")), None);
        let digest = at("80").strip_prefix(IMAGES).unwrap().parse().unwrap();
        assert_eq!(Counted::Tags(id, digest).estimate(1000, &at("80000000")), None);
        assert_eq!(Counted::Repositories.estimate(1000, "team/app"), None);
    }
}
