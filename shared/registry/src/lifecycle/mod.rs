//! Lifecycle policies at work: what they do to images, and previews of what they would do.
//!
//! A policy is evaluated by a job, over the summaries of the repository's images. What it decides is
//! carried out image by image, on condition that the image is as it was when it was judged: not
//! tagged, untagged, pushed or pulled since. So a job may be cut off anywhere, and the next one
//! evaluates anew. Referrers follow a subject that is deleted or archived, whoever did it, by a job
//! of their own.
//!
//! A preview is begun, worked out by a job, and read. The job reads the summaries of the
//! repository's images, evaluates the policy over them, again if lists go, and writes what would
//! happen to those that go, in pages, before it says in one transaction that the preview is complete. A job that is
//! delivered twice, or cut off, changes nothing twice: each run has pages of its own, and those of
//! the run that was not the first to end are deleted.

mod error;
mod freed;
mod judge;
mod last_run;
mod pages;
mod policy_run;
mod preview;
mod record;
mod referrers;
mod rehearsal;
mod run;
mod start;
mod worker;

use std::sync::Arc;

pub use error::LifecyclePreviewError;
pub(crate) use last_run::LastRun;
pub use policy_run::LifecycleJob;
pub use preview::{LifecyclePreview, PreviewStatus};
pub use record::{PlannedAction, PreviewFigures, PreviewedImage, RuleFigures};
pub use referrers::ReferrersJob;
pub(crate) use referrers::jobs_for_referrers;
pub use start::{PreviewJob, StartedPreview};
pub use worker::LifecycleWorker;

use crate::ports::{Clock, ReadObjects, StoreError, StoreErrorKind, WriteTable};
use crate::repositories::Directory;

/// The use cases of lifecycle policies' previews.
///
/// Follows [Creating a lifecycle policy preview](https://docs.aws.amazon.com/AmazonECR/latest/userguide/lpp_creation.html).
#[derive(Clone, Debug)]
pub struct LifecyclePreviews {
    pub(crate) table: Arc<dyn WriteTable>,
    pub(crate) objects: Arc<dyn ReadObjects>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Says that a policy in the table is none.
fn damaged(error: berth_lifecycle::InvalidLifecyclePolicy) -> StoreError {
    StoreError::new(StoreErrorKind::Damaged, error)
}
