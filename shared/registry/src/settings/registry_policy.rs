use berth_policy::{Policy, PolicyKind, RegistryScope};
use serde::{Deserialize, Serialize};

use super::account::REGISTRY_POLICY_SCOPE;
use super::{RegistryPolicyScope, Settings};
use crate::access::{Action, RegistryPermit};
use crate::contention::{Attempts, won};
use crate::document::decode;
use crate::error::RegistryError;
use crate::layout::Place;
use crate::ports::{Condition, Item, Key, Operation, StoreError, StoreErrorKind};

const NAME: &str = "registry-policy";

/// Policy of the registry, as the table keeps it.
#[derive(Debug, Serialize, Deserialize)]
struct Document {
    text: String,
    /// The scope whose rules it was checked by, which may have changed since.
    scope: RegistryPolicyScope,
}

/// The registry's policy, and which actions it is about, as the gate asks them.
#[derive(Debug, Default)]
pub(crate) struct RegistryPolicy {
    policy: Option<Policy>,
    scope: RegistryScope,
}

impl Settings {
    /// Gives the registry a policy, in place of the one it had. Fails if the policy is not valid
    /// for the registry's scope.
    pub async fn put_registry_policy(
        &self,
        permit: RegistryPermit,
        text: &str,
    ) -> Result<(), RegistryError> {
        permit.must_be(Action::PutRegistryPolicy);
        let scope: Option<(RegistryPolicyScope, _)> = self.find(REGISTRY_POLICY_SCOPE).await?;
        let scope = scope.map(|(scope, _)| scope).unwrap_or_default();
        let kind = PolicyKind::Registry(scope.into());
        // How long it may be, the API knows.
        Policy::parse(&kind, text, usize::MAX)?;
        self.replace(NAME, &Document { text: text.to_owned(), scope }).await?;
        self.directory.forget_registry_policy();
        Ok(())
    }

    /// Returns the registry's policy, as it was given.
    pub async fn registry_policy(&self, permit: RegistryPermit) -> Result<String, RegistryError> {
        permit.must_be(Action::GetRegistryPolicy);
        Ok(self.find_registry_policy().await?.0)
    }

    /// Takes the policy from the registry, and returns what it was.
    pub async fn delete_registry_policy(
        &self,
        permit: RegistryPermit,
    ) -> Result<String, RegistryError> {
        permit.must_be(Action::DeleteRegistryPolicy);
        let mut attempts = Attempts::at(&NAME);
        loop {
            let (text, version) = self.find_registry_policy().await?;
            let key = Place::Setting(NAME).key();
            let operation = Operation::Delete { key, condition: Condition::Version(version) };
            if won(self.table.transact(vec![operation]).await)? {
                self.directory.forget_registry_policy();
                return Ok(text);
            }
            attempts.next().await?;
        }
    }

    /// Returns the text of the policy, and its version.
    async fn find_registry_policy(&self) -> Result<(String, u64), RegistryError> {
        let found = self.find::<Document>(NAME).await?;
        let (document, version) = found.ok_or(RegistryError::RegistryPolicyUnknown)?;
        Ok((document.text, version))
    }
}

impl RegistryPolicy {
    /// Returns the keys of the items that [`read`](Self::read) reads, in its order.
    pub(crate) fn keys() -> [Key; 2] {
        [Place::Setting(NAME).key(), Place::Setting(REGISTRY_POLICY_SCOPE).key()]
    }

    /// Reads the policy, which was valid when it was stored, and the scope.
    pub(crate) fn read(policy: Option<&Item>, scope: Option<&Item>) -> Result<Self, StoreError> {
        let scope: Option<RegistryPolicyScope> = scope.map(decode).transpose()?;
        let policy: Option<Document> = policy.map(decode).transpose()?;
        let parse = |document: Document| {
            let kind = PolicyKind::Registry(document.scope.into());
            Policy::parse(&kind, &document.text, usize::MAX)
                .map_err(|error| StoreError::new(StoreErrorKind::Damaged, error))
        };
        let policy = policy.map(parse).transpose()?;
        Ok(Self { policy, scope: scope.unwrap_or_default().into() })
    }

    /// Returns the policy, if there is one and it has a say about `action`.
    pub(crate) fn about(&self, action: Action) -> Option<&Policy> {
        self.policy.as_ref().filter(|_| self.scope.covers(action.name()))
    }
}

impl From<RegistryPolicyScope> for RegistryScope {
    fn from(scope: RegistryPolicyScope) -> Self {
        match scope {
            RegistryPolicyScope::V1 => Self::V1,
            RegistryPolicyScope::V2 => Self::V2,
        }
    }
}
