use std::time::Duration;

use berth_lifecycle::Action;
use berth_types::{Digest, Tag};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ports::Timestamp;

/// How long a job may take; a preview that began before is not waited for any more.
const PATIENCE: Duration = Duration::from_hours(1);

/// How long a preview can be read: images come and go.
const KEPT: Duration = Duration::from_hours(24);

/// Document of a repository's preview; it has one at most.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct PreviewRecord {
    /// Tells one preview from those before it.
    pub(super) id: Uuid,
    /// Text of the policy.
    pub(super) policy: String,
    pub(super) began_at: Timestamp,
    pub(super) state: PreviewState,
}

/// How far a preview is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub(super) enum PreviewState {
    /// Its job did not end.
    InProgress,
    /// Its results lie in the pages of this run.
    Complete { run: Uuid, ended_at: Timestamp, figures: PreviewFigures },
    /// The repository has more images than a job looks at, or its job was given up.
    Failed,
}

/// What a policy would do to a repository, in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewFigures {
    /// How many images the repository has.
    pub images: u64,
    /// How many images would be deleted.
    pub expired: u64,
    /// How many images would be moved to the archive.
    pub archived: u64,
    /// How many images would lose tags.
    pub untagged: u64,
    /// Sum of the sizes of the layers that only images have which would be deleted, in bytes.
    pub freed: u64,
    /// What each rule would do, in the order of their priority.
    pub rules: Vec<RuleFigures>,
}

/// What one rule would do to a repository, in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFigures {
    /// Priority of the rule.
    pub priority: u32,
    /// How many images match its tag requirements.
    pub matching: u64,
    /// How many of these its count selects.
    pub selected: u64,
    /// How many images it acts on.
    pub acted: u64,
    /// Sum of the sizes of those that it deletes, in bytes. Layers that they share count for each.
    pub bytes: u64,
}

/// An image that a policy would do something to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewedImage {
    /// Digest of its manifest.
    pub digest: Digest,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// When it was pushed.
    pub pushed_at: Timestamp,
    /// Sum of the sizes of its config and layers, in bytes.
    pub size: u64,
    /// Whether it is in the archive.
    #[serde(default)]
    pub is_archived: bool,
    /// What would be done to it.
    pub action: PlannedAction,
    /// Priority of the rule.
    pub rule: u32,
    /// Why, in words.
    pub reason: String,
}

/// What is to be done to an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PlannedAction {
    /// It is deleted.
    Expire,
    /// It is moved to the archive.
    Archive,
    /// It loses these tags.
    Untag(Vec<Tag>),
}

impl PreviewRecord {
    /// Whether its job may still end.
    pub(super) fn is_in_progress(&self, now: Timestamp) -> bool {
        matches!(self.state, PreviewState::InProgress) && now < self.began_at.plus(PATIENCE)
    }

    /// Returns the run that holds its results, and the figures, if they can be read.
    pub(super) fn results(&self, now: Timestamp) -> Option<(Uuid, &PreviewFigures)> {
        match &self.state {
            PreviewState::Complete { run, ended_at, figures } if now < ended_at.plus(KEPT) => {
                Some((*run, figures))
            }
            _ => None,
        }
    }
}

impl PlannedAction {
    /// Returns what an action of a rule means to an image that loses `tags` if it is untagged;
    /// `None` for one that keeps images.
    pub(super) fn of(action: Action, tags: impl FnOnce() -> Vec<Tag>) -> Option<Self> {
        match action {
            Action::Expire => Some(Self::Expire),
            Action::Archive => Some(Self::Archive),
            Action::Untag => Some(Self::Untag(tags())),
            Action::Retain => None,
        }
    }
}
