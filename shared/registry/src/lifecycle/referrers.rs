//! Referrers follow their subjects: they are deleted when these are, and are archived and come back
//! when these do.

use berth_types::{Digest, RepositoryName};
use serde::{Deserialize, Serialize};

use super::LifecycleWorker;
use super::policy_run::InForce;
use crate::archive::ImageStatus;
use crate::contention::Attempts;
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

/// How often a referrer is tried that changes while it is to follow.
const TRIES: usize = 5;

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

/// Returns the jobs that let referrers follow what changed: one for each image that went, was
/// archived or came back, and has referrers.
pub(crate) async fn jobs_for_referrers(
    table: &dyn ReadTable,
    change: &Change,
) -> Result<Option<Job>, StoreError> {
    let (Change::ImageDeleted { image, .. }
    | Change::ImageArchived { image }
    | Change::ImageActivated { image }) = change
    else {
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
    /// Lets the referrers of an image follow it, if the repository has a lifecycle policy: away, to
    /// the archive, or back from there. One that an index lists neither goes nor is archived.
    pub(super) async fn follow(
        &self,
        mut job: ReferrersJob,
        until: Timestamp,
    ) -> Result<Vec<Job>, RegistryError> {
        loop {
            let Some(in_force) = self.in_force(&job.repository, &job.id).await? else {
                return Ok(Vec::new());
            };
            let after = job.after.as_ref();
            let page = self.table().query(&query(&job.id, &job.subject, after, AT_ONCE)).await?;
            let prefix = referrers(&job.subject);
            let digest = |item: &Item| {
                let digest = item.key.sort.strip_prefix(&prefix).unwrap_or_default().parse();
                digest.map_err(|error| StoreError::new(StoreErrorKind::Damaged, error))
            };
            let digests: Vec<Digest> = page.items.iter().map(digest).collect::<Result<_, _>>()?;
            job.after = digests.last().cloned().or(job.after);
            self.move_all(&in_force, &job.subject, digests).await?;
            if page.next.is_none() {
                return Ok(Vec::new());
            }
            if self.clock().now() >= until {
                return Ok(vec![Job::Referrers(job)]);
            }
        }
    }

    /// Brings referrers to where their subject is, those that change meanwhile a few times more: no
    /// other job would.
    async fn move_all(
        &self,
        in_force: &InForce,
        subject: &Digest,
        mut left: Vec<Digest>,
    ) -> Result<(), RegistryError> {
        let mut attempts = Attempts::at(subject);
        for _ in 0..TRIES {
            let key = Place::Image(&in_force.repository.id, subject).key();
            let item = self.table().get(&key, Consistency::Strong).await?;
            let image = item.as_ref().map(decode::<Image>).transpose()?;
            left = match image.map(|image| image.storage.status) {
                None => self.delete_referrers(in_force, subject, &left).await?,
                Some(ImageStatus::Archived) => self.archive_referrers(in_force, &left).await?,
                Some(ImageStatus::Active) => self.return_referrers(in_force, left).await?,
                // They follow when it is back.
                Some(ImageStatus::Activating) => return Ok(()),
            };
            if left.is_empty() {
                return Ok(());
            }
            attempts.next().await?;
        }
        let repository = &in_force.repository.name;
        tracing::warn!(%repository, %subject, left = left.len(), "referrers did not follow");
        Ok(())
    }

    /// Deletes referrers whose subject is gone. Returns those that changed meanwhile.
    async fn delete_referrers(
        &self,
        in_force: &InForce,
        subject: &Digest,
        digests: &[Digest],
    ) -> Result<Vec<Digest>, RegistryError> {
        let mut decided = Vec::new();
        for digest in digests {
            let seen = self.see(in_force, digest).await?;
            let decision = || Decision::DeleteWithoutSubject(subject.clone());
            decided.extend(seen.filter(|seen| !seen.is_listed).map(|seen| (seen, decision())));
        }
        if decided.is_empty() {
            return Ok(Vec::new());
        }
        let done = self.removal.carry_out(&in_force.repository, &decided).await?;
        let left = decided.into_iter().zip(done).filter(|(_, done)| !done);
        Ok(left.map(|((seen, _), _)| seen.digest).collect())
    }

    /// Archives referrers. Returns those that changed meanwhile.
    async fn archive_referrers(
        &self,
        in_force: &InForce,
        digests: &[Digest],
    ) -> Result<Vec<Digest>, RegistryError> {
        let mut left = Vec::new();
        for digest in digests {
            let seen = self.see(in_force, digest).await?;
            let can_go = |seen: &Seen| seen.parents == 0 && seen.summary.storage.is_active();
            let Some(seen) = seen.filter(can_go) else { continue };
            if !self.archive_seen(&in_force.repository, &seen).await? {
                left.push(seen.digest);
            }
        }
        Ok(left)
    }

    /// Begins to bring referrers back. Returns those that changed meanwhile.
    async fn return_referrers(
        &self,
        in_force: &InForce,
        digests: Vec<Digest>,
    ) -> Result<Vec<Digest>, RegistryError> {
        let mut left = Vec::new();
        for digest in digests {
            if !self.archive.bring_back(&in_force.repository, &digest).await? {
                left.push(digest);
            }
        }
        Ok(left)
    }

    async fn see(
        &self,
        in_force: &InForce,
        digest: &Digest,
    ) -> Result<Option<Seen>, RegistryError> {
        let walked = Walk::of(self.table(), &in_force.repository.id, digest).next_image().await?;
        Ok(walked.map(Seen::from))
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
