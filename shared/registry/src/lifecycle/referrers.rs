//! Referrers follow their subjects: they are deleted when these are, and archived when these are.

use berth_types::{Digest, RepositoryName};
use serde::{Deserialize, Serialize};

use super::LifecycleWorker;
use super::policy_run::InForce;
use crate::archive::ImageStatus;
use crate::document::decode;
use crate::error::RegistryError;
use crate::jobs::Job;
use crate::layout::{Place, RepositoryId, content, referrers};
use crate::manifests::{Decision, Image, Seen, Walk};
use crate::outbox::Change;
use crate::ports::{
    Consistency, Item, Query, ReadTable, Select, StoreError, StoreErrorKind, Timestamp,
};

/// How many referrers are read at once.
const AT_ONCE: usize = 50;

/// Lets the referrers of an image follow it. Its fields are the message that says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferrersJob {
    /// Name of the repository, for people.
    pub repository: RepositoryName,
    /// Its id.
    pub id: RepositoryId,
    /// Digest of the image.
    pub subject: Digest,
    /// The last referrer that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Digest>,
}

/// Returns the jobs that let referrers follow what changed: one for each image that went or was
/// archived and has referrers.
pub(crate) async fn jobs_for_referrers(
    table: &dyn ReadTable,
    change: &Change,
) -> Result<Option<Job>, StoreError> {
    let (Change::ImageDeleted { image, .. } | Change::ImageArchived { image }) = change else {
        return Ok(None);
    };
    let page = table.query(&query(&image.repository_id, &image.digest, None, 1)).await?;
    let job = || ReferrersJob {
        repository: image.repository.clone(),
        id: image.repository_id.clone(),
        subject: image.digest.clone(),
        after: None,
    };
    Ok((!page.items.is_empty()).then(|| Job::Referrers(job())))
}

impl LifecycleWorker {
    /// Lets the referrers of an image follow it, if the repository has a lifecycle policy: to the
    /// archive, or away. One that an index lists stays, as do those of an image that is there again.
    pub(super) async fn follow(
        &self,
        mut job: ReferrersJob,
        until: Timestamp,
    ) -> Result<Vec<Job>, RegistryError> {
        loop {
            let Some(in_force) = self.in_force(&job.repository, &job.id).await? else {
                return Ok(Vec::new());
            };
            let key = Place::Image(&job.id, &job.subject).key();
            let subject = self.table().get(&key, Consistency::Strong).await?;
            let subject = subject.as_ref().map(decode::<Image>).transpose()?;
            let subject = subject.map(|image| image.storage.status);
            if subject.is_some_and(|status| status != ImageStatus::Archived) {
                return Ok(Vec::new());
            }
            let after = job.after.as_ref();
            let page = self.table().query(&query(&job.id, &job.subject, after, AT_ONCE)).await?;
            let prefix = referrers(&job.subject);
            let digest = |item: &Item| {
                let digest = item.key.sort.strip_prefix(&prefix).unwrap_or_default().parse();
                digest.map_err(|error| StoreError::new(StoreErrorKind::Damaged, error))
            };
            let digests: Vec<Digest> = page.items.iter().map(digest).collect::<Result<_, _>>()?;
            self.move_along(&in_force, &job.subject, subject, &digests).await?;
            job.after = digests.into_iter().next_back().or(job.after);
            if page.next.is_none() {
                return Ok(Vec::new());
            }
            if self.clock().now() >= until {
                return Ok(vec![Job::Referrers(job)]);
            }
        }
    }

    async fn move_along(
        &self,
        in_force: &InForce,
        subject: &Digest,
        status: Option<ImageStatus>,
        digests: &[Digest],
    ) -> Result<(), RegistryError> {
        let (repository, mut decided) = (&in_force.repository, Vec::new());
        for digest in digests {
            let walked = Walk::of(self.table(), &repository.id, digest).next_image().await?;
            let Some(walked) = walked else { continue };
            let seen = Seen::from(walked);
            match status {
                None => decided.push((seen, Decision::DeleteWithoutSubject(subject.clone()))),
                Some(_) => drop(self.archive_seen(repository, &seen).await?),
            }
        }
        if !decided.is_empty() {
            self.removal.carry_out(repository, &decided).await?;
        }
        Ok(())
    }
}

/// Returns the query of a page of referrers.
fn query(id: &RepositoryId, subject: &Digest, after: Option<&Digest>, limit: usize) -> Query {
    let after = after.map(|digest| Place::Referrer { repository: id, subject, digest }.key().sort);
    Query {
        partition: content(id),
        prefix: referrers(subject),
        after,
        limit,
        consistency: Consistency::Strong,
        select: Select::Keys,
    }
}
