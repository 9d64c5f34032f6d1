//! Lifecycle policies at work: previews of what they would do.
//!
//! A preview is begun, worked out by a job, and read. The job reads the summaries of the
//! repository's images, evaluates the policy over them, and writes what would happen to those that
//! go, in pages, before it says in one transaction that the preview is complete. A job that is
//! delivered twice, or cut off, changes nothing twice: each run has pages of its own, and those of
//! the run that was not the first to end are deleted.

mod error;
mod freed;
mod pages;
mod preview;
mod record;
mod run;
mod start;
mod worker;

use std::sync::Arc;

pub use error::LifecyclePreviewError;
pub use preview::{LifecyclePreview, PreviewStatus};
pub use record::{PlannedAction, PreviewFigures, PreviewedImage, RuleFigures};
pub use start::{PreviewJob, StartedPreview};
pub use worker::LifecycleWorker;

use crate::ports::{Clock, WriteTable};
use crate::repositories::Directory;

/// The use cases of lifecycle policies' previews.
///
/// Follows [Creating a lifecycle policy preview](https://docs.aws.amazon.com/AmazonECR/latest/userguide/lpp_creation.html).
#[derive(Clone, Debug)]
pub struct LifecyclePreviews {
    pub(crate) table: Arc<dyn WriteTable>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Arc<dyn Clock>,
}
