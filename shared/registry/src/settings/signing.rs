use serde::{Deserialize, Serialize};

use super::{RepositoryFilter, Settings};
use crate::access::{Action, RegistryPermit};
use crate::contention::{Attempts, won};
use crate::error::RegistryError;
use crate::layout::Place;
use crate::ports::{Condition, Operation};

const NAME: &str = "signing";

/// Which images are signed when they are pushed.
///
/// Follows [SigningConfiguration](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_SigningConfiguration.html).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningConfiguration {
    /// The rules; without one nothing is signed.
    pub rules: Vec<SigningRule>,
}

/// Images, and what they are signed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SigningRule {
    /// Profile that signs them.
    pub signing_profile_arn: String,
    /// Repositories; all of them without a filter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repository_filters: Vec<RepositoryFilter>,
}

impl Settings {
    /// Returns which images are signed.
    pub async fn signing(
        &self,
        permit: RegistryPermit,
    ) -> Result<SigningConfiguration, RegistryError> {
        permit.must_be(Action::GetSigningConfiguration);
        Ok(self.find_signing().await?.0)
    }

    /// Says which images are signed.
    pub async fn put_signing(
        &self,
        permit: RegistryPermit,
        configuration: &SigningConfiguration,
    ) -> Result<(), RegistryError> {
        permit.must_be(Action::PutSigningConfiguration);
        self.replace(NAME, configuration).await
    }

    /// Forgets which images are signed, and returns which ones were.
    pub async fn delete_signing(
        &self,
        permit: RegistryPermit,
    ) -> Result<SigningConfiguration, RegistryError> {
        permit.must_be(Action::DeleteSigningConfiguration);
        let mut attempts = Attempts::at(&NAME);
        loop {
            let (configuration, version) = self.find_signing().await?;
            let key = Place::Setting(NAME).key();
            let operation = Operation::Delete { key, condition: Condition::Version(version) };
            if won(self.table.transact(vec![operation]).await)? {
                return Ok(configuration);
            }
            attempts.next().await?;
        }
    }

    async fn find_signing(&self) -> Result<(SigningConfiguration, u64), RegistryError> {
        self.find(NAME).await?.ok_or(RegistryError::SigningConfigurationUnknown)
    }
}
