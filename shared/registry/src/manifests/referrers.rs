use berth_types::{Descriptor, Digest};

use crate::access::{Action, RepositoryPermit};
use crate::archive::{ImageStatus, StatusFilter, StatusReader};
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
    /// Only those of this status.
    pub status: StatusFilter,
    /// Only those after this digest.
    pub after: Option<&'a Digest>,
    /// At most so many, at least 1.
    pub limit: usize,
}

/// A page of referrers, in the order of their digests.
#[derive(Clone, Debug, Default)]
pub struct Referrers {
    /// The referrers.
    pub referrers: Vec<Referrer>,
    /// Digest after which the next page begins; `None` at the end.
    pub next: Option<Digest>,
}

/// A manifest that refers to another one.
#[derive(Clone, Debug)]
pub struct Referrer {
    /// Its descriptor.
    pub descriptor: Descriptor,
    /// Whether it can be pulled.
    pub status: ImageStatus,
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
        let descriptors = found.items.iter().map(decode).collect::<Result<Vec<Descriptor>, _>>()?;
        let statuses = StatusReader { table: self.table.as_ref(), repository: &repository };
        let statuses = statuses.of_all(descriptors.iter().map(|found| &found.digest)).await?;
        for (item, descriptor) in found.items.iter().zip(descriptors) {
            bytes += item.document.len();
            if page.referrers.len() == query.limit || (bytes > MOST_BYTES && last.is_some()) {
                page.next = last;
                return Ok(page);
            }
            last = Some(descriptor.digest.clone());
            let kind = descriptor.artifact_type.as_deref();
            let wanted = query.artifact_types;
            let is_wanted = wanted.is_empty() || kind.is_some_and(|kind| wanted.contains(&kind));
            let status = statuses.get(&descriptor.digest).copied().unwrap_or_default();
            if is_wanted && query.status.wants(status) {
                page.referrers.push(Referrer { descriptor, status });
            }
        }
        page.next = last.filter(|_| found.next.is_some());
        Ok(page)
    }
}
