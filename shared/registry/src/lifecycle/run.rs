use berth_lifecycle::LifecyclePolicy;
use uuid::Uuid;

use super::freed::freed_bytes;
use super::judge::{Judgement, Planned, judge, read_images};
use super::record::{PlannedAction, PreviewRecord, PreviewState, PreviewedImage};
use super::{LifecyclePreviews, PreviewJob, damaged};
use crate::archive::ImageStatus;
use crate::contention::won;
use crate::document::{decode, encode, put};
use crate::error::RegistryError;
use crate::layout::Place;
use crate::manifests::Walked;
use crate::ports::{Condition, Consistency};

/// The most tags that a preview tells of one image: ECR's quota.
const MOST_TAGS: usize = 1000;

impl LifecyclePreviews {
    /// Works a preview out, unless it was, or another one took its place.
    ///
    /// Takes time in proportion to the repository's images, and holds their summaries; a
    /// repository of more than 128 MiB of them fails the preview.
    pub async fn run(&self, job: &PreviewJob) -> Result<(), RegistryError> {
        let key = Place::LifecyclePreview(&job.id).key();
        let Some(item) = self.table.get(&key, Consistency::Strong).await? else {
            return Ok(());
        };
        let record: PreviewRecord = decode(&item)?;
        if record.id != job.preview || !matches!(record.state, PreviewState::InProgress) {
            return Ok(());
        }
        let policy: LifecyclePolicy = record.policy.parse().map_err(damaged)?;
        let run = Uuid::new_v4();
        let state = match read_images(self.table.as_ref(), &job.id).await? {
            None => {
                tracing::warn!(repository = %job.repository, "too many images for a preview");
                PreviewState::Failed
            }
            Some(images) => {
                let Judgement { mut figures, planned } =
                    judge(policy, images, self.clock.now()).await?;
                let images: Vec<_> = planned.into_iter().map(PreviewedImage::from).collect();
                let gone = images.iter().filter(|image| image.action == PlannedAction::Expire);
                let gone = gone.map(|image| &image.digest).collect();
                figures.freed = freed_bytes(self.table.as_ref(), &job.id, &gone).await?;
                self.write_pages(&job.id, run, images).await?;
                PreviewState::Complete { run, ended_at: self.clock.now(), figures }
            }
        };
        let document = encode(&PreviewRecord { state, ..record })?;
        let operation = put(key, document, 1, Condition::Version(item.version));
        if won(self.table.transact(vec![operation]).await)? {
            self.delete_pages_but(&job.id, run).await
        } else {
            self.delete_pages_of(&job.id, run).await
        }
    }
}

impl From<Planned> for PreviewedImage {
    fn from(planned: Planned) -> Self {
        let Walked { digest, image, mut tags, .. } = planned.image;
        tags.truncate(MOST_TAGS);
        let mut action = planned.action;
        if let PlannedAction::Untag(lost) = &mut action {
            lost.truncate(MOST_TAGS);
        }
        Self {
            digest,
            tags,
            pushed_at: image.pushed_at,
            size: image.content_size,
            is_archived: image.storage.status == ImageStatus::Archived,
            action,
            rule: planned.rule,
            reason: planned.reason,
        }
    }
}
