use berth_lifecycle::LifecyclePolicy;
use berth_types::RepositoryName;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::record::{PreviewRecord, PreviewState};
use super::{LifecyclePreviewError, LifecyclePreviews};
use crate::access::{Action, RepositoryPermit};
use crate::contention::{Attempts, won};
use crate::document::{decode, encode, put};
use crate::error::RegistryError;
use crate::jobs::Job;
use crate::layout::{Place, RepositoryId};
use crate::outbox::{Change, Event};
use crate::ports::{Condition, Consistency, Operation};
use crate::repositories::find_lifecycle_policy;

/// A preview that was begun, and ends when its job is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedPreview {
    /// Text of the policy.
    pub policy: String,
    /// The job.
    pub job: PreviewJob,
}

/// Works out a preview. Its fields are the message that says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewJob {
    /// Name of the repository, for people.
    pub repository: RepositoryName,
    /// Id of the repository.
    pub id: RepositoryId,
    /// Which of its previews.
    pub preview: Uuid,
}

impl LifecyclePreviews {
    /// Begins a preview of `policy`, or else of the repository's own policy, in place of the one
    /// that the repository had, and asks for the job that works it out.
    ///
    /// # Errors
    ///
    /// [`LifecyclePreviewError::InProgress`] while another one
    /// may still end.
    pub async fn start(
        &self,
        permit: &RepositoryPermit,
        policy: Option<&LifecyclePolicy>,
    ) -> Result<StartedPreview, RegistryError> {
        permit.must_be(Action::StartLifecyclePolicyPreview);
        let name = permit.name();
        let mut attempts = Attempts::at(name);
        loop {
            let (repository, version) = self.directory.current(name).await?;
            let text = match policy {
                Some(policy) => policy.text().to_owned(),
                None => find_lifecycle_policy(self.table.as_ref(), name, &repository.id).await?,
            };
            let key = Place::LifecyclePreview(&repository.id).key();
            let item = self.table.get(&key, Consistency::Strong).await?;
            let before = item.as_ref().map(decode::<PreviewRecord>).transpose()?;
            let now = self.clock.now();
            if before.is_some_and(|before| before.is_in_progress(now)) {
                return Err(LifecyclePreviewError::InProgress(name.clone()).into());
            }
            let (id, began_at, state) = (Uuid::new_v4(), now, PreviewState::InProgress);
            let record = PreviewRecord { id, policy: text, began_at, state };
            let condition = item.map_or(Condition::Absent, |item| Condition::Version(item.version));
            let job = PreviewJob {
                repository: name.clone(),
                id: repository.id.clone(),
                preview: record.id,
            };
            let asked = Change::Asked { job: Job::LifecyclePreview(job.clone()) };
            let operations = vec![
                Operation::Check {
                    key: Place::Repository(name).key(),
                    condition: Condition::Version(version),
                },
                put(key, encode(&record)?, now.millis(), condition),
                Event::new(asked, now).operation()?,
            ];
            if won(self.table.transact(operations).await)? {
                return Ok(StartedPreview { policy: record.policy, job });
            }
            attempts.next().await?;
        }
    }
}
