//! What a policy says of a repository's images, as they are now.

use std::collections::HashSet;

use berth_lifecycle::{Image, LifecyclePolicy, Reason, RuleReport};
use berth_types::Tag;

use super::record::{PlannedAction, RuleFigures};
use crate::error::RegistryError;
use crate::layout::RepositoryId;
use crate::manifests::{Walk, Walked};
use crate::ports::{ReadTable, Select, StoreError, StoreErrorKind, Timestamp};

/// The most bytes of summaries and tags that a job holds at once.
const MOST_BYTES: usize = 128 * 1024 * 1024;

/// What a policy says of a repository's images.
#[derive(Debug)]
pub(super) struct Judgement {
    /// What each rule matches and selects, in the order of their priority. What it acts on is not
    /// counted yet: further evaluations may add to it.
    pub(super) rules: Vec<RuleFigures>,
    /// What is to be done.
    pub(super) planned: Vec<Planned>,
    /// Images that nothing is to be done to.
    pub(super) rest: Vec<Walked>,
}

/// An image that something is to be done to.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) image: Walked,
    pub(super) action: PlannedAction,
    /// Priority of the rule.
    pub(super) rule: u32,
    /// Why, in words.
    pub(super) reason: String,
    /// Whether it follows its subject.
    pub(super) follows: bool,
}

/// Returns what policies ask of a repository's images; `None` if that is more than 128 MiB.
pub(super) async fn read_images(
    table: &dyn ReadTable,
    id: &RepositoryId,
) -> Result<Option<Vec<Walked>>, RegistryError> {
    let mut walk = Walk::over(table, id, None, Select::Items);
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

/// Says what happens to images, by a policy, at the time `now`. Works elsewhere than where requests
/// are answered.
pub(super) async fn judge(
    policy: LifecyclePolicy,
    images: Vec<Walked>,
    now: Timestamp,
) -> Result<Judgement, StoreError> {
    let work = move || evaluate(&policy, images, now.millis());
    let judged = tokio::task::spawn_blocking(work).await;
    judged.map_err(|error| StoreError::new(StoreErrorKind::Internal, error))
}

fn evaluate(policy: &LifecyclePolicy, walked: Vec<Walked>, now: u64) -> Judgement {
    let images: Vec<_> = walked.iter().map(image).collect();
    let evaluation = policy.evaluate(&images, now);
    let rules = evaluation.rules.iter().map(rule_figures).collect();
    let (mut planned, mut rest) = (Vec::new(), Vec::new());
    for ((walked, image), verdict) in walked.into_iter().zip(&images).zip(&evaluation.verdicts) {
        let (Some(action), Some(rule)) = (verdict.action, verdict.rule) else {
            rest.push(walked);
            continue;
        };
        let lost = || {
            let selected: HashSet<_> = rule.selected_tags(&image.tags).collect();
            let is_lost = |tag: &&Tag| selected.contains(tag.as_str());
            walked.tags.iter().filter(is_lost).cloned().collect()
        };
        let Some(action) = PlannedAction::of(action, lost) else {
            rest.push(walked);
            continue;
        };
        planned.push(Planned {
            image: walked,
            action,
            rule: rule.priority,
            reason: verdict.to_string(),
            follows: matches!(verdict.reason, Reason::Follows(_)),
        });
    }
    Judgement { rules, planned, rest }
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
        archived_parents: walked.archived_parents,
        subject: walked.image.subject.as_ref().map(ToString::to_string),
    }
}

fn rule_figures(report: &RuleReport<'_>) -> RuleFigures {
    let RuleReport { rule, matching, selected, .. } = *report;
    RuleFigures { priority: rule.priority, matching, selected, acted: 0, bytes: 0 }
}
