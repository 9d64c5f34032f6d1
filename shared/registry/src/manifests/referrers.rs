use berth_types::{Descriptor, Digest};

use crate::access::{Action, RepositoryPermit};
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{content, referrers};
use crate::ports::{Consistency, Query, Select};
use crate::registry::Pull;

/// How many referrers are looked at for one page.
const LOOKED_AT: usize = 1000;

/// Most bytes of descriptors of one page.
const MOST_BYTES: usize = 2 * 1024 * 1024;

/// Which referrers to list.
#[derive(Clone, Debug)]
pub struct ReferrersQuery<'a> {
    /// Manifest that they refer to.
    pub subject: &'a Digest,
    /// Only those of one of these artifact types; of any, if there is none.
    pub artifact_types: &'a [&'a str],
    /// Only those after this digest.
    pub after: Option<&'a Digest>,
    /// At most so many, at least 1.
    pub limit: usize,
}

/// A page of referrers, in the order of their digests.
#[derive(Clone, Debug, Default)]
pub struct Referrers {
    /// Their descriptors.
    pub descriptors: Vec<Descriptor>,
    /// Digest after which the next page begins; `None` at the end.
    pub next: Option<Digest>,
}

impl Pull {
    /// Lists the manifests whose `subject` is the given one, which need not exist.
    pub async fn referrers(
        &self,
        permit: &RepositoryPermit,
        query: ReferrersQuery<'_>,
    ) -> Result<Referrers, RegistryError> {
        permit.must_be(Action::ListImageReferrers);
        let repository = self.directory.recent(permit.name()).await?;
        let prefix = referrers(query.subject);
        let items = Query {
            partition: content(&repository.id),
            after: query.after.map(|digest| format!("{prefix}{digest}")),
            prefix,
            limit: LOOKED_AT,
            consistency: Consistency::Strong,
            select: Select::Items,
        };
        let found = self.table.query(&items).await?;
        let mut page = Referrers::default();
        let mut bytes = 0;
        let mut last = None;
        for item in &found.items {
            bytes += item.document.len();
            if page.descriptors.len() == query.limit || (bytes > MOST_BYTES && last.is_some()) {
                page.next = last;
                return Ok(page);
            }
            let descriptor: Descriptor = decode(item)?;
            last = Some(descriptor.digest.clone());
            let kind = descriptor.artifact_type.as_deref();
            let wanted = query.artifact_types;
            if wanted.is_empty() || kind.is_some_and(|kind| wanted.contains(&kind)) {
                page.descriptors.push(descriptor);
            }
        }
        page.next = last.filter(|_| found.next.is_some());
        Ok(page)
    }
}
