//! Repositories: made, found, listed, changed, deleted.
//!
//! A repository is one record under its name, which holds its id and settings, and an entry in the
//! list of names. Deletion marks the record, looks for images, and either takes the mark back or
//! removes the record; pushes look at the record before and after their transaction, so that none
//! is acknowledged and lost.

mod catalog;
mod change;
mod create;
mod delete;
mod directory;
mod encryption;
mod lifecycle_policy;
mod policy;
mod record;
mod told;

pub use catalog::RepositoryNames;
pub use change::RepositoryChange;
pub use create::CreateRepository;
pub use delete::{DeleteRepository, WhenNotEmpty};
pub use directory::{Directory, RepositoryPage};
pub use lifecycle_policy::StoredLifecyclePolicy;
pub(crate) use lifecycle_policy::{LifecyclePolicyText, find_lifecycle_policy};
pub use record::Repository;

use std::sync::Arc;

use crate::counts::Counts;
use crate::ports::{CheckKeys, Clock, WriteTable};
use crate::quotas::Quotas;

/// The use cases of repositories as a whole, which `ecr-api` calls.
#[derive(Clone, Debug)]
pub struct Repositories {
    pub(crate) table: Arc<dyn WriteTable>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) keys: Arc<dyn CheckKeys>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) quotas: Quotas,
}
