use std::collections::HashSet;

use berth_lifecycle::{Image, LifecyclePolicy, RuleReport};
use uuid::Uuid;

use super::freed::freed_bytes;
use super::record::{
    PlannedAction, PreviewFigures, PreviewRecord, PreviewState, PreviewedImage, RuleFigures,
};
use super::{LifecyclePreviews, PreviewJob};
use crate::contention::won;
use crate::document::{decode, encode, put};
use crate::error::RegistryError;
use crate::layout::{Place, RepositoryId};
use crate::manifests::{Walk, Walked};
use crate::ports::{Condition, Consistency, Select, StoreError, StoreErrorKind, Timestamp};

/// The most bytes of summaries and tags that a job holds at once.
const MOST_BYTES: usize = 128 * 1024 * 1024;

/// The most tags that a preview tells of one image: ECR's quota.
const MOST_TAGS: usize = 1000;

/// What a policy would do.
#[derive(Debug)]
struct Outcome {
    figures: PreviewFigures,
    /// In the order of their digests.
    images: Vec<PreviewedImage>,
}

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
        let state = match self.summaries(&job.id).await? {
            None => {
                tracing::warn!(repository = %job.repository, "too many images for a preview");
                PreviewState::Failed
            }
            Some(images) => {
                let now = self.clock.now();
                let work = move || evaluate(&policy, images, now.millis());
                let outcome = tokio::task::spawn_blocking(work).await;
                let Outcome { mut figures, images } =
                    outcome.map_err(|error| StoreError::new(StoreErrorKind::Internal, error))?;
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

    /// Returns what policies ask of the repository's images; `None` if that is too much.
    async fn summaries(&self, id: &RepositoryId) -> Result<Option<Vec<Walked>>, RegistryError> {
        let mut walk = Walk::over(self.table.as_ref(), id, None, Select::Items);
        let (mut images, mut bytes) = (Vec::new(), 0);
        while let Some(walked) = walk.next_image().await? {
            bytes += walked.length;
            if bytes > MOST_BYTES {
                return Ok(None);
            }
            images.push(walked);
        }
        Ok(Some(images))
    }
}

fn evaluate(policy: &LifecyclePolicy, walked: Vec<Walked>, now: u64) -> Outcome {
    let images: Vec<_> = walked.iter().map(image).collect();
    let evaluation = policy.evaluate(&images, now);
    let mut outcome = Outcome {
        figures: PreviewFigures {
            images: images.len() as u64,
            expired: 0,
            archived: 0,
            untagged: 0,
            freed: 0,
            rules: evaluation.rules.iter().map(figures).collect(),
        },
        images: Vec::new(),
    };
    for ((walked, image), verdict) in walked.into_iter().zip(&images).zip(&evaluation.verdicts) {
        let (Some(action), Some(rule)) = (verdict.action, verdict.rule) else { continue };
        let mut tags = walked.tags;
        tags.truncate(MOST_TAGS);
        let lost = || {
            let selected: HashSet<_> = rule.selected_tags(&image.tags).collect();
            tags.iter().filter(|tag| selected.contains(tag.as_str())).cloned().collect()
        };
        let Some(action) = PlannedAction::of(action, lost) else { continue };
        *match action {
            PlannedAction::Expire => &mut outcome.figures.expired,
            PlannedAction::Archive => &mut outcome.figures.archived,
            PlannedAction::Untag(_) => &mut outcome.figures.untagged,
        } += 1;
        outcome.images.push(PreviewedImage {
            digest: walked.digest,
            tags,
            pushed_at: walked.image.pushed_at,
            size: walked.image.content_size,
            action,
            rule: rule.priority,
            reason: verdict.to_string(),
        });
    }
    outcome
}

fn image(walked: &Walked) -> Image {
    Image {
        digest: walked.digest.to_string(),
        tags: walked.tags.iter().map(ToString::to_string).collect(),
        size: walked.image.content_size,
        pushed_at: walked.image.pushed_at.millis(),
        pulled_at: walked.pulled.map(Timestamp::millis),
        storage: walked.image.storage.judged(),
        parents: walked.parents,
        subject: walked.image.subject.as_ref().map(ToString::to_string),
    }
}

fn figures(report: &RuleReport<'_>) -> RuleFigures {
    let RuleReport { rule, matching, selected, acted, bytes } = *report;
    RuleFigures { priority: rule.priority, matching, selected, acted, bytes }
}

fn damaged(error: berth_lifecycle::InvalidLifecyclePolicy) -> StoreError {
    StoreError::new(StoreErrorKind::Damaged, error)
}
