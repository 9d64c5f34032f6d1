//! What a policy would do, one evaluation after another: what a list lists goes by the one that
//! follows the list's.

use std::collections::{BTreeMap, HashMap, HashSet};

use berth_lifecycle::LifecyclePolicy;
use berth_types::Digest;

use super::LifecyclePreviews;
use super::judge::{Judgement, Planned, judge};
use super::record::{PlannedAction, PreviewFigures, PreviewedImage, RuleFigures};
use crate::archive::ImageStatus;
use crate::error::RegistryError;
use crate::layout::{Place, RepositoryId};
use crate::manifests::{Image, ManifestRecord, Walked};
use crate::ports::{Consistency, Item, Timestamp};

/// The most evaluations that are rehearsed, for lists of lists.
const MOST_EVALUATIONS: usize = 10;

/// The most tags that a preview tells of one image: ECR's quota.
const MOST_TAGS: usize = 1000;

/// How many manifests of lists are read at once.
const LISTS_AT_ONCE: usize = 100;

/// What a policy would do to a repository.
#[derive(Debug)]
pub(super) struct Rehearsal {
    pub(super) figures: PreviewFigures,
    /// What would happen, in the order of the images' digests.
    pub(super) images: Vec<PreviewedImage>,
}

/// By how much the numbers of lists change that list an image.
#[derive(Clone, Copy, Debug, Default)]
struct Released {
    /// Lists that go, or go to the archive.
    active: u64,
    /// Lists in the archive that go.
    archived: u64,
    /// Lists that go to the archive.
    to_archive: u64,
}

impl LifecyclePreviews {
    /// Evaluates a policy over images as a job would, and again as often as lists go that list
    /// others.
    pub(super) async fn rehearse(
        &self,
        id: &RepositoryId,
        policy: &LifecyclePolicy,
        mut images: Vec<Walked>,
    ) -> Result<Rehearsal, RegistryError> {
        let (now, count) = (self.clock.now(), images.len() as u64);
        let (mut first, mut told) = (None, BTreeMap::new());
        for _ in 0..MOST_EVALUATIONS {
            let Judgement { rules, planned, rest } = judge(policy.clone(), images, now).await?;
            let released = self.released(id, &planned).await?;
            images = rest;
            for planned in planned {
                told.insert(planned.image.digest.clone(), tell(&planned, first.is_none()));
                images.extend(after(planned, now));
            }
            first.get_or_insert(rules);
            if released.is_empty() {
                break;
            }
            for image in &mut images {
                if let Some(released) = released.get(&image.digest) {
                    release(image, *released);
                }
            }
        }
        let images: Vec<_> = told.into_values().collect();
        Ok(Rehearsal { figures: sum_up(count, first.unwrap_or_default(), &images), images })
    }

    /// Returns what lists list that go, or go to the archive.
    async fn released(
        &self,
        id: &RepositoryId,
        planned: &[Planned],
    ) -> Result<HashMap<Digest, Released>, RegistryError> {
        let goes = |planned: &&Planned| !matches!(planned.action, PlannedAction::Untag(_));
        let lists: Vec<_> =
            planned.iter().filter(goes).filter(|planned| planned.image.image.is_index()).collect();
        let mut released: HashMap<_, Released> = HashMap::new();
        for lists in lists.chunks(LISTS_AT_ONCE) {
            let key = |list: &&Planned| Place::Manifest(id, &list.image.digest).key();
            let keys: Vec<_> = lists.iter().map(key).collect();
            let items = self.table.batch_get(&keys, Consistency::Strong).await?;
            for (list, item) in lists.iter().zip(items) {
                let Some(item) = item else { continue };
                let summary = &list.image.image;
                let children = match self.children(summary, &item).await {
                    // It does not go, for that.
                    Err(error) if error.is_damage() => continue,
                    children => children?,
                };
                for child in children {
                    let released = released.entry(child).or_default();
                    match (&list.action, summary.storage.is_active()) {
                        (PlannedAction::Archive, _) => {
                            released.active += 1;
                            released.to_archive += 1;
                        }
                        (_, true) => released.active += 1,
                        (_, false) => released.archived += 1,
                    }
                }
            }
        }
        Ok(released)
    }

    /// Returns the images that count a list among their parents, by the item of its manifest.
    async fn children(&self, list: &Image, item: &Item) -> Result<Vec<Digest>, RegistryError> {
        let manifest = ManifestRecord::read(item)?.parse(self.objects.as_ref()).await?;
        Ok(list.counted_children(&manifest))
    }
}

/// Takes note in an image that lists went.
fn release(image: &mut Walked, released: Released) {
    let Released { active, archived, to_archive } = released;
    image.parents = image.parents.saturating_sub(active);
    image.archived_parents = image.archived_parents.saturating_sub(archived) + to_archive;
}

/// Returns an image as it would be; `None` if it would be gone.
fn after(planned: Planned, now: Timestamp) -> Option<Walked> {
    let Planned { image: mut walked, action, .. } = planned;
    match action {
        PlannedAction::Expire => return None,
        PlannedAction::Archive => {
            walked.image.storage = walked.image.storage.changed(ImageStatus::Archived, now);
        }
        PlannedAction::Untag(lost) => {
            let lost: HashSet<_> = lost.into_iter().collect();
            walked.tags.retain(|tag| !lost.contains(tag));
        }
    }
    Some(walked)
}

/// Returns what is told of an image.
fn tell(planned: &Planned, is_first: bool) -> PreviewedImage {
    let Planned { image: Walked { digest, image, tags, .. }, action, rule, reason, .. } = planned;
    let mut action = action.clone();
    if let PlannedAction::Untag(lost) = &mut action {
        lost.truncate(MOST_TAGS);
    }
    PreviewedImage {
        digest: digest.clone(),
        tags: tags.iter().take(MOST_TAGS).cloned().collect(),
        pushed_at: image.pushed_at,
        size: image.content_size,
        is_archived: image.storage.status == ImageStatus::Archived,
        action,
        rule: *rule,
        reason: match is_first {
            true => reason.clone(),
            false => format!("by the next evaluation, {reason}"),
        },
    }
}

/// Counts what would happen by all evaluations, of so many images, by rules of which the first
/// evaluation says what they match and select.
fn sum_up(count: u64, rules: Vec<RuleFigures>, images: &[PreviewedImage]) -> PreviewFigures {
    let (expired, archived, untagged, freed) = (0, 0, 0, 0);
    let mut figures = PreviewFigures { images: count, expired, archived, untagged, freed, rules };
    for image in images {
        let rule = figures.rules.iter_mut().find(|rule| rule.priority == image.rule);
        let bytes = match image.action {
            PlannedAction::Expire => image.size,
            PlannedAction::Archive | PlannedAction::Untag(_) => 0,
        };
        if let Some(rule) = rule {
            rule.acted += 1;
            rule.bytes += bytes;
        }
        *match image.action {
            PlannedAction::Expire => &mut figures.expired,
            PlannedAction::Archive => &mut figures.archived,
            PlannedAction::Untag(_) => &mut figures.untagged,
        } += 1;
    }
    figures
}
