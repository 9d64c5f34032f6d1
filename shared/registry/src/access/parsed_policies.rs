use std::sync::Arc;

use berth_policy::{Policy, PolicyKind};
use berth_types::RepositoryName;
use quick_cache::sync::Cache;

use crate::ports::{StoreError, StoreErrorKind};
use crate::repositories::Repository;

/// How many repositories' policies are remembered.
const REMEMBERED: usize = 1024;

/// The policies of repositories, each parsed once.
#[derive(Debug)]
pub(super) struct ParsedPolicies {
    remembered: Cache<RepositoryName, Arc<Policy>>,
}

impl Default for ParsedPolicies {
    fn default() -> Self {
        Self { remembered: Cache::new(REMEMBERED) }
    }
}

impl ParsedPolicies {
    /// Returns the policy of a repository, if it has one. It was valid when it was stored, for the
    /// repository's `arn`.
    pub(super) fn policy_of(
        &self,
        repository: &Repository,
        arn: &str,
    ) -> Result<Option<Arc<Policy>>, StoreError> {
        let Some(text) = &repository.policy else { return Ok(None) };
        if let Some(policy) = self.remembered.get(&repository.name)
            && policy.text() == text
        {
            return Ok(Some(policy));
        }
        let kind = PolicyKind::Repository { arn: arn.to_owned() };
        let policy = Policy::parse(&kind, text, usize::MAX);
        let policy = policy.map_err(|error| StoreError::new(StoreErrorKind::Damaged, error))?;
        let policy = Arc::new(policy);
        self.remembered.insert(repository.name.clone(), policy.clone());
        Ok(Some(policy))
    }
}
