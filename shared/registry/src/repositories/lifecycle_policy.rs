use berth_lifecycle::LifecyclePolicy;
use berth_types::RepositoryName;
use serde::{Deserialize, Serialize};

use super::Repositories;
use crate::access::{Action, RepositoryPermit};
use crate::contention::{Attempts, won};
use crate::document::{decode, encode, put};
use crate::error::RegistryError;
use crate::layout::{Place, RepositoryId};
use crate::ports::{Condition, Consistency, Operation, ReadTable};

/// Lifecycle policy of a repository, as the table keeps it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredText {
    pub(super) text: String,
}

impl Repositories {
    /// Gives the repository that the permit names a lifecycle policy, in place of the one it had.
    pub async fn put_lifecycle_policy(
        &self,
        permit: &RepositoryPermit,
        policy: &LifecyclePolicy,
    ) -> Result<(), RegistryError> {
        permit.must_be(Action::PutLifecyclePolicy);
        let name = permit.name();
        let document = encode(&StoredText { text: policy.text().to_owned() })?;
        let mut attempts = Attempts::at(name);
        loop {
            let (repository, version) = self.directory.current(name).await?;
            let record = Place::Repository(name).key();
            let key = Place::LifecyclePolicy(&repository.id).key();
            let first_version = self.clock.now().millis();
            let operations = vec![
                Operation::Check { key: record, condition: Condition::Version(version) },
                put(key, document.clone(), first_version, Condition::Any),
            ];
            if won(self.table.transact(operations).await)? {
                return Ok(());
            }
            attempts.next().await?;
        }
    }

    /// Returns the text of the lifecycle policy of the repository that the permit names.
    pub async fn lifecycle_policy(
        &self,
        permit: &RepositoryPermit,
    ) -> Result<String, RegistryError> {
        permit.must_be(Action::GetLifecyclePolicy);
        let (repository, _) = self.directory.current(permit.name()).await?;
        let table = self.table.as_ref();
        Ok(find_lifecycle_policy(table, permit.name(), &repository.id).await?.0)
    }

    /// Takes the lifecycle policy from the repository that the permit names, and returns its text.
    pub async fn delete_lifecycle_policy(
        &self,
        permit: &RepositoryPermit,
    ) -> Result<String, RegistryError> {
        permit.must_be(Action::DeleteLifecyclePolicy);
        let mut attempts = Attempts::at(permit.name());
        loop {
            let (repository, _) = self.directory.current(permit.name()).await?;
            let table = self.table.as_ref();
            let (text, version) =
                find_lifecycle_policy(table, permit.name(), &repository.id).await?;
            let key = Place::LifecyclePolicy(&repository.id).key();
            let operation = Operation::Delete { key, condition: Condition::Version(version) };
            if won(self.table.transact(vec![operation]).await)? {
                return Ok(text);
            }
            attempts.next().await?;
        }
    }
}

/// Returns the text of a repository's policy, and its version.
pub(crate) async fn find_lifecycle_policy(
    table: &dyn ReadTable,
    name: &RepositoryName,
    id: &RepositoryId,
) -> Result<(String, u64), RegistryError> {
    let key = Place::LifecyclePolicy(id).key();
    match table.get(&key, Consistency::Strong).await? {
        Some(item) => Ok((decode::<StoredText>(&item)?.text, item.version)),
        None => Err(RegistryError::LifecyclePolicyUnknown(name.clone())),
    }
}
