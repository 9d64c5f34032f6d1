use serde::{Deserialize, Serialize};

use super::Settings;
use crate::access::{Action, RegistryPermit};
use crate::error::RegistryError;

/// Name of the setting that says whether blobs are mounted.
pub(crate) const BLOB_MOUNTING: &str = "account/BLOB_MOUNTING";

/// Name of the setting that says which actions the registry's policy is about.
pub(super) const REGISTRY_POLICY_SCOPE: &str = "account/REGISTRY_POLICY_SCOPE";

/// Whether a push may take a blob from another repository, if the client asks for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BlobMounting {
    /// It may.
    #[default]
    Enabled,
    /// The client has to upload it.
    Disabled,
}

/// Which actions the registry's policy is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegistryPolicyScope {
    /// Those of replication and pull-through caches.
    V1,
    /// All of ECR's.
    #[default]
    V2,
}

/// An account setting and its value.
///
/// Follows [PutAccountSetting](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutAccountSetting.html).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountSetting {
    /// Whether blobs are mounted.
    BlobMounting(BlobMounting),
    /// Which actions the registry's policy is about.
    RegistryPolicyScope(RegistryPolicyScope),
}

impl Settings {
    /// Returns whether blobs are mounted.
    pub async fn blob_mounting(
        &self,
        permit: RegistryPermit,
    ) -> Result<BlobMounting, RegistryError> {
        permit.must_be(Action::GetAccountSetting);
        Ok(self.find(BLOB_MOUNTING).await?.map(|(found, _)| found).unwrap_or_default())
    }

    /// Returns which actions the registry's policy is about.
    pub async fn registry_policy_scope(
        &self,
        permit: RegistryPermit,
    ) -> Result<RegistryPolicyScope, RegistryError> {
        permit.must_be(Action::GetAccountSetting);
        Ok(self.find(REGISTRY_POLICY_SCOPE).await?.map(|(found, _)| found).unwrap_or_default())
    }

    /// Changes an account setting.
    pub async fn put_account_setting(
        &self,
        permit: RegistryPermit,
        setting: AccountSetting,
    ) -> Result<(), RegistryError> {
        permit.must_be(Action::PutAccountSetting);
        match setting {
            AccountSetting::BlobMounting(value) => self.replace(BLOB_MOUNTING, &value).await,
            AccountSetting::RegistryPolicyScope(value) => {
                self.replace(REGISTRY_POLICY_SCOPE, &value).await?;
                self.directory.forget_registry_policy();
                Ok(())
            }
        }
    }
}
