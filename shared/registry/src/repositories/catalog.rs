use berth_types::RepositoryName;

use crate::access::{Action, RegistryPermit};
use crate::error::RegistryError;
use crate::registry::Pull;

/// A page of the names of all repositories, in the order of their bytes.
#[derive(Clone, Debug, Default)]
pub struct RepositoryNames {
    /// The names.
    pub names: Vec<RepositoryName>,
    /// Whether more follow.
    pub more: bool,
}

impl Pull {
    /// Returns at most `limit` names after `after`, which need not exist nor be a name.
    pub async fn catalog(
        &self,
        permit: RegistryPermit,
        after: Option<&str>,
        limit: usize,
    ) -> Result<RepositoryNames, RegistryError> {
        permit.must_be(Action::DescribeRepositories);
        if limit == 0 {
            return Ok(RepositoryNames::default());
        }
        let (names, more) = self.directory.names(after, limit).await?;
        Ok(RepositoryNames { names, more })
    }
}
