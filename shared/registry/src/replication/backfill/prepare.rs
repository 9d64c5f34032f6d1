use std::collections::{HashMap, HashSet};

use berth_types::{Digest, RepositoryName};

use super::page::{PAGE, Page, Unit};
use super::record::{BackfillRecord, BackfillState, PreparedTo};
use super::run::Next;
use super::{Read, damaged};
use crate::archive::ImageStatus;
use crate::contention::won;
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::{NAMES, Place, behind_image};
use crate::manifests::{Image, ImageId, PARENTS, Walk};
use crate::ports::{Condition, Consistency, Query, Select};
use crate::replication::{ReplicateWorker, ReplicationPlan, ReplicationRules};
use crate::repositories::Repository;

/// How many images with their tags are looked at before they are written down.
const AT_ONCE: usize = 20 * PAGE;

/// How many repositories are looked at before it is written down that they were.
const REPOSITORIES: usize = 500;

/// What was found to replicate.
#[derive(Debug, Default)]
struct Found {
    units: Vec<Unit>,
    /// Up to where was looked; `None` if nothing follows.
    to: Option<PreparedTo>,
}

impl ReplicateWorker {
    /// Writes down some more of what there is to replicate.
    pub(super) async fn prepare(
        &self,
        found: &Read,
        to: Option<PreparedTo>,
    ) -> Result<Next, RegistryError> {
        let table = self.ports.table.as_ref();
        let rules = ReplicationRules::read(table, &self.identity).await?;
        let Found { units, to } = self.look(&found.record, &rules, to).await?;
        let mut record = found.record.clone();
        record.progress.total += units.len() as u64;
        let mut operations = Vec::new();
        for units in units.chunks(PAGE) {
            let page = Page { units: units.to_vec(), failed_attempts: 0 };
            operations.push(page.operation(found.id, record.pages, Condition::Any)?);
            record.pages += 1;
        }
        record.state = match to {
            Some(to) => BackfillState::Preparing { to: Some(to) },
            None => BackfillState::InProgress { page: 0 },
        };
        operations.push(found.replace(&record)?);
        // If it lost, another job wrote the same, or somebody stopped the backfill.
        won(table.transact(operations).await)?;
        Ok(Next::Step)
    }

    /// Looks for images that the rules send to the destination, from where it was looked before.
    async fn look(
        &self,
        record: &BackfillRecord,
        rules: &ReplicationRules,
        to: Option<PreparedTo>,
    ) -> Result<Found, RegistryError> {
        let mut units = Vec::new();
        let mut after = None;
        if let Some(PreparedTo { repository, image }) = to {
            if let Some(image) = image
                && let Some(plan) = rules.plan(&repository, &record.destination)
                && let Some(to) = self.look_into(&repository, plan, Some(image), &mut units).await?
            {
                return Ok(Found { units, to: Some(to) });
            }
            after = Some(repository.as_str().to_owned());
        }
        let query = Query {
            partition: NAMES.to_owned(),
            prefix: String::new(),
            after,
            limit: REPOSITORIES,
            consistency: Consistency::Strong,
            select: Select::Keys,
        };
        let page = self.ports.table.query(&query).await?;
        let mut last = None;
        for item in page.items {
            let name: RepositoryName = item.key.sort.parse().map_err(damaged)?;
            if let Some(plan) = rules.plan(&name, &record.destination)
                && let Some(to) = self.look_into(&name, plan, None, &mut units).await?
            {
                return Ok(Found { units, to: Some(to) });
            }
            last = Some(PreparedTo { repository: name, image: None });
        }
        Ok(Found { units, to: page.next.and(last) })
    }

    /// Looks into a repository for images after a sort key, and returns where to go on if there
    /// are too many for one time.
    async fn look_into(
        &self,
        name: &RepositoryName,
        plan: ReplicationPlan<'_>,
        after: Option<String>,
        units: &mut Vec<Unit>,
    ) -> Result<Option<PreparedTo>, RegistryError> {
        let Some(repository) = self.repository_named(name).await? else { return Ok(None) };
        let table = self.ports.table.as_ref();
        let mut walk = Walk::over(table, &repository.id, after, Select::Keys);
        let (mut ids, mut ended) = (Vec::new(), false);
        while units.len() + ids.len() < AT_ONCE && !ended {
            match walk.next_id().await? {
                Some(id) => ids.push(id),
                None => ended = true,
            }
        }
        let last = ids.last().map(|id| sort_key(&repository, id));
        let found = self.units(&repository, ids).await?;
        units.extend(found.into_iter().filter(|unit| plan.select(unit.tag.as_slice()).is_some()));
        let to = PreparedTo { repository: repository.name, image: last };
        Ok((!ended).then_some(to))
    }

    /// Returns what there is to replicate of these images. What an index lists goes with the index.
    async fn units(
        &self,
        repository: &Repository,
        ids: Vec<ImageId>,
    ) -> Result<Vec<Unit>, RegistryError> {
        let mut known = HashMap::new();
        let digests: HashSet<Digest> = ids.iter().map(|id| id.digest.clone()).collect();
        let digests: Vec<_> = digests.into_iter().collect();
        for digests in digests.chunks(PAGE) {
            let key = |digest: &Digest| Place::Image(&repository.id, digest).key();
            let keys: Vec<_> = digests.iter().map(key).collect();
            let items = self.ports.table.batch_get(&keys, Consistency::Strong).await?;
            for (digest, item) in digests.iter().zip(items) {
                let Some(item) = item else { continue };
                let image: Image = decode(&item)?;
                // As with a push, what is in the archive stays where it is.
                if image.storage.status == ImageStatus::Active {
                    let is_listed = item.counter(PARENTS) > 0;
                    known.insert(digest.clone(), (image.is_index(), is_listed));
                }
            }
        }
        let unit = |id: ImageId| {
            let (is_index, is_listed) = *known.get(&id.digest)?;
            if is_listed && id.tag.is_none() {
                return None;
            }
            let (name, repository_id) = (repository.name.clone(), repository.id.clone());
            let ImageId { digest, tag } = id;
            Some(Unit { repository: name, repository_id, digest, tag, is_index, outcome: None })
        };
        Ok(ids.into_iter().filter_map(unit).collect())
    }
}

/// Returns the sort key of an image's tag; of an image without one, that behind all of it.
fn sort_key(repository: &Repository, id: &ImageId) -> String {
    match &id.tag {
        Some(tag) => Place::ImageTag(&repository.id, &id.digest, tag).key().sort,
        None => behind_image(&id.digest),
    }
}
