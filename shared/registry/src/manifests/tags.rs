use berth_types::Tag;

use super::record::TagRecord;
use crate::access::{Action, RepositoryPermit};
use crate::archive::{ImageStatus, StatusReader};
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{TAGS, content};
use crate::ports::{Consistency, Item, Query, Select, StoreError, StoreErrorKind};
use crate::registry::Pull;

/// How many keys are read at once: a key is many times as long as its tag.
const AT_ONCE: usize = 1000;

/// A page of a repository's tags, in the order of their bytes.
#[derive(Clone, Debug, Default)]
pub struct TagPage {
    /// The tags.
    pub tags: Vec<Tag>,
    /// Whether more follow.
    pub more: bool,
}

impl Pull {
    /// Returns at most `limit` tags after `after`, which need not exist nor be a tag. Those of images
    /// that can't be pulled are left out.
    pub async fn tags(
        &self,
        permit: &RepositoryPermit,
        after: Option<&str>,
        limit: usize,
    ) -> Result<TagPage, RegistryError> {
        permit.must_be(Action::ListImages);
        let repository = self.directory.recent(permit.name()).await?;
        let statuses = StatusReader { table: self.table.as_ref(), repository: &repository };
        let mut page = TagPage::default();
        let mut after = after.map(|tag| format!("{TAGS}{tag}"));
        while page.tags.len() < limit {
            let query = Query {
                partition: content(&repository.id),
                prefix: TAGS.to_owned(),
                after,
                limit: AT_ONCE.min(limit - page.tags.len()),
                consistency: Consistency::Strong,
                select: statuses.needed(),
            };
            let found = self.table.query(&query).await?;
            for mut item in active(statuses, found.items).await? {
                let tag = item.key.sort.split_off(TAGS.len()).parse();
                let damaged = |error| StoreError::new(StoreErrorKind::Damaged, error);
                page.tags.push(tag.map_err(damaged)?);
            }
            page.more = found.next.is_some();
            after = found.next;
            if after.is_none() {
                break;
            }
        }
        Ok(page)
    }
}

/// Returns those items of tags whose images can be pulled.
async fn active(
    statuses: StatusReader<'_>,
    mut items: Vec<Item>,
) -> Result<Vec<Item>, RegistryError> {
    if statuses.needed() == Select::Keys {
        return Ok(items);
    }
    let records = items.iter().map(decode).collect::<Result<Vec<TagRecord>, _>>()?;
    let known = statuses.of_all(records.iter().map(|record| &record.digest)).await?;
    let is_active = |record: TagRecord| known.get(&record.digest) == Some(&ImageStatus::Active);
    let mut active = records.into_iter().map(is_active);
    items.retain(|_| active.next() == Some(true));
    Ok(items)
}
