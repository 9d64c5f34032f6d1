use berth_types::{Digest, Tag};

use super::image_id::ImageSelector;
use crate::access::{Denied, GateError, ImagePermit, RepositoryPermit};
use crate::error::RegistryError;
use crate::layout::{RepositoryId, content, image_tags};
use crate::ports::{Consistency, Item, Query, ReadTable, Select, StoreError, StoreErrorKind};
use crate::registry::{Pull, Removal};
use crate::repositories::Directory;

/// How many tags are read at once.
const AT_ONCE: usize = 1000;

/// Returns all tags of an image, as they are now.
pub(crate) async fn all_tags(
    table: &dyn ReadTable,
    id: &RepositoryId,
    digest: &Digest,
) -> Result<Vec<Tag>, RegistryError> {
    let (mut tags, mut after) = (Vec::new(), None);
    loop {
        let (mut page, next) = some_tags(table, id, digest, after, AT_ONCE).await?;
        tags.append(&mut page);
        after = next;
        if after.is_none() {
            return Ok(tags);
        }
    }
}

/// Returns at most `limit` of an image's tags, and where to read on.
pub(super) async fn some_tags(
    table: &dyn ReadTable,
    id: &RepositoryId,
    digest: &Digest,
    after: Option<String>,
    limit: usize,
) -> Result<(Vec<Tag>, Option<String>), RegistryError> {
    let prefix = image_tags(digest);
    let (partition, select) = (content(id), Select::Keys);
    let consistency = Consistency::Strong;
    let query = Query { partition, prefix: prefix.clone(), after, limit, consistency, select };
    let page = table.query(&query).await?;
    let parse = |item: Item| {
        let tag = item.key.sort.strip_prefix(&prefix).unwrap_or_default().parse();
        tag.map_err(|error| StoreError::new(StoreErrorKind::Damaged, error))
    };
    let tags: Result<_, StoreError> = page.items.into_iter().map(parse).collect();
    Ok((tags?, page.next))
}

impl Pull {
    /// Returns the permit to read an image of the repository that `permit` names, once its tags are
    /// known if policies ask for them. To who may not read it, an image that is not there is one
    /// without tags.
    pub async fn permit_for(
        &self,
        permit: &ImagePermit,
        selector: &ImageSelector,
    ) -> Result<RepositoryPermit, GateError> {
        let (directory, table) = (&self.directory, self.table.as_ref());
        permit_for(directory, table, permit, selector, ImagePermit::to_read).await
    }
}

impl Removal {
    /// Returns the permit to delete an image, or a tag, of the repository that `permit` names; as
    /// [`Pull::permit_for`] does. What goes with an image is asked for again when it goes.
    pub async fn permit_for(
        &self,
        permit: &ImagePermit,
        selector: &ImageSelector,
    ) -> Result<RepositoryPermit, GateError> {
        let (directory, table) = (&self.directory, self.table.as_ref());
        permit_for(directory, table, permit, selector, ImagePermit::to_remove).await
    }
}

/// Asks `permit` for what `selector` names: for a tag, or by `ask` for all tags of a digest.
async fn permit_for(
    directory: &Directory,
    table: &dyn ReadTable,
    permit: &ImagePermit,
    selector: &ImageSelector,
    ask: for<'p> fn(&'p ImagePermit, &[Tag]) -> Result<&'p RepositoryPermit, Denied>,
) -> Result<RepositoryPermit, GateError> {
    let permit = match selector {
        ImageSelector::Tag(tag) | ImageSelector::TagOfDigest(tag, _) => permit.for_tag(tag)?,
        ImageSelector::Digest(digest) => {
            ask(permit, &asked_tags(directory, table, permit, digest).await?)?
        }
    };
    Ok(permit.clone())
}

/// Returns the tags of an image, if policies ask for them; none otherwise.
async fn asked_tags(
    directory: &Directory,
    table: &dyn ReadTable,
    permit: &ImagePermit,
    digest: &Digest,
) -> Result<Vec<Tag>, RegistryError> {
    if !permit.asks_for_tags() {
        return Ok(Vec::new());
    }
    match directory.recent(permit.name()).await {
        Ok(repository) => all_tags(table, &repository.id, digest).await,
        Err(RegistryError::RepositoryUnknown(_)) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
