use berth_lifecycle::LifecyclePolicy;
use berth_types::RepositoryName;
use serde::{Deserialize, Serialize};

use super::Repositories;
use super::told::changed;
use crate::access::{Action, RepositoryPermit};
use crate::contention::{Attempts, won};
use crate::document::{decode, encode, put};
use crate::error::RegistryError;
use crate::jobs::Job;
use crate::layout::{Place, RepositoryId};
use crate::lifecycle::{LastRun, LifecycleJob};
use crate::outbox::{Change, Event};
use crate::ports::{Condition, Consistency, Key, Operation, ReadTable, Timestamp};

/// Lifecycle policy of a repository, as the table keeps it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct LifecyclePolicyText {
    pub(crate) text: String,
}

/// Lifecycle policy of a repository, and when it was evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredLifecyclePolicy {
    /// Its text.
    pub text: String,
    /// When it was evaluated last, if it was.
    pub evaluated_at: Option<Timestamp>,
}

impl Repositories {
    /// Gives the repository that the permit names a lifecycle policy, in place of the one it had,
    /// and asks for the job that lets it act.
    pub async fn put_lifecycle_policy(
        &self,
        permit: &RepositoryPermit,
        policy: &LifecyclePolicy,
    ) -> Result<(), RegistryError> {
        permit.must_be(Action::PutLifecyclePolicy);
        let name = permit.name();
        let document = encode(&LifecyclePolicyText { text: policy.text().to_owned() })?;
        let mut attempts = Attempts::at(name);
        loop {
            let (repository, version) = self.directory.current(name).await?;
            let record = Place::Repository(name).key();
            let key = Place::LifecyclePolicy(&repository.id).key();
            let now = self.clock.now();
            let job = LifecycleJob { repository: name.clone(), id: repository.id.clone() };
            let asked = Change::Asked { job: Job::Lifecycle(job) };
            let operations = vec![
                Operation::Check { key: record, condition: Condition::Version(version) },
                put(key, document.clone(), now.millis(), Condition::Any),
                Event::new(asked, now).operation()?,
                changed(&repository, permit, now)?,
            ];
            if won(self.table.transact(operations).await)? {
                return Ok(());
            }
            attempts.next().await?;
        }
    }

    /// Returns the lifecycle policy of the repository that the permit names.
    pub async fn lifecycle_policy(
        &self,
        permit: &RepositoryPermit,
    ) -> Result<StoredLifecyclePolicy, RegistryError> {
        permit.must_be(Action::GetLifecyclePolicy);
        let (repository, _) = self.directory.current(permit.name()).await?;
        Ok(self.find_with_run(permit.name(), &repository.id).await?.0)
    }

    /// Takes the lifecycle policy from the repository that the permit names, and returns it.
    pub async fn delete_lifecycle_policy(
        &self,
        permit: &RepositoryPermit,
    ) -> Result<StoredLifecyclePolicy, RegistryError> {
        permit.must_be(Action::DeleteLifecyclePolicy);
        let mut attempts = Attempts::at(permit.name());
        loop {
            let (repository, _) = self.directory.current(permit.name()).await?;
            let (policy, version) = self.find_with_run(permit.name(), &repository.id).await?;
            let (key, run) = keys(&repository.id);
            let operations = vec![
                Operation::Delete { key, condition: Condition::Version(version) },
                Operation::Delete { key: run, condition: Condition::Any },
                changed(&repository, permit, self.clock.now())?,
            ];
            if won(self.table.transact(operations).await)? {
                return Ok(policy);
            }
            attempts.next().await?;
        }
    }

    /// Returns a repository's policy, and its version.
    async fn find_with_run(
        &self,
        name: &RepositoryName,
        id: &RepositoryId,
    ) -> Result<(StoredLifecyclePolicy, u64), RegistryError> {
        let (key, run) = keys(id);
        let items = self.table.batch_get(&[key, run], Consistency::Strong).await?;
        let item = |place: usize| items.get(place).and_then(Option::as_ref);
        let policy = item(0).ok_or_else(|| RegistryError::LifecyclePolicyUnknown(name.clone()))?;
        let run = item(1).map(decode::<LastRun>).transpose()?;
        let run = run.filter(|run| run.policy == policy.version);
        let text = decode::<LifecyclePolicyText>(policy)?.text;
        let evaluated_at = run.map(|run| run.evaluated_at);
        Ok((StoredLifecyclePolicy { text, evaluated_at }, policy.version))
    }
}

/// Returns the keys of a repository's policy, and of its last evaluation.
fn keys(id: &RepositoryId) -> (Key, Key) {
    (Place::LifecyclePolicy(id).key(), Place::LifecycleRun(id).key())
}

/// Returns the text of a repository's policy.
pub(crate) async fn find_lifecycle_policy(
    table: &dyn ReadTable,
    name: &RepositoryName,
    id: &RepositoryId,
) -> Result<String, RegistryError> {
    let key = Place::LifecyclePolicy(id).key();
    match table.get(&key, Consistency::Strong).await? {
        Some(item) => Ok(decode::<LifecyclePolicyText>(&item)?.text),
        None => Err(RegistryError::LifecyclePolicyUnknown(name.clone())),
    }
}
