use std::sync::Arc;

use super::Repositories;
use super::record::Repository;
use crate::access::{Action, RepositoryPermit};
use crate::error::RegistryError;

impl Repositories {
    /// Gives the repository that the permit names a policy, which the caller has validated.
    pub async fn set_policy(
        &self,
        permit: &RepositoryPermit,
        text: &str,
    ) -> Result<Arc<Repository>, RegistryError> {
        permit.must_be(Action::SetRepositoryPolicy);
        let set = |repository: &mut Repository| {
            repository.policy = Some(text.to_owned());
            Ok(())
        };
        Ok(self.alter(permit, set).await?.0)
    }

    /// Returns the policy of the repository that the permit names, as it was given.
    pub async fn policy(&self, permit: &RepositoryPermit) -> Result<String, RegistryError> {
        permit.must_be(Action::GetRepositoryPolicy);
        let (repository, _) = self.directory.current(permit.name()).await?;
        repository.policy.clone().ok_or_else(|| unknown(permit))
    }

    /// Takes the policy from the repository that the permit names, and returns what it was.
    pub async fn delete_policy(&self, permit: &RepositoryPermit) -> Result<String, RegistryError> {
        permit.must_be(Action::DeleteRepositoryPolicy);
        let take =
            |repository: &mut Repository| repository.policy.take().ok_or_else(|| unknown(permit));
        Ok(self.alter(permit, take).await?.1)
    }
}

fn unknown(permit: &RepositoryPermit) -> RegistryError {
    RegistryError::RepositoryPolicyUnknown(permit.name().clone())
}
