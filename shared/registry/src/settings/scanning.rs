use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{RepositoryFilter, Settings};
use crate::access::{Action, RegistryPermit, RepositoryPermit};
use crate::error::RegistryError;
use crate::repositories::Repository;

const NAME: &str = "scanning";

/// How images are scanned.
///
/// Follows [RegistryScanningConfiguration](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_RegistryScanningConfiguration.html).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanningConfiguration {
    /// By what.
    pub scan_type: ScanType,
    /// When, by repository.
    pub rules: Vec<ScanningRule>,
}

/// By what images are scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScanType {
    /// The basic scan.
    #[default]
    Basic,
    /// The scan that goes on after a push.
    Enhanced,
}

/// Repositories, and when their images are scanned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScanningRule {
    /// When.
    pub scan_frequency: ScanFrequency,
    /// Repositories.
    pub repository_filters: Vec<RepositoryFilter>,
}

/// When images are scanned; the later of two that apply wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ScanFrequency {
    /// When somebody asks for it.
    Manual,
    /// When they are pushed.
    ScanOnPush,
    /// When they are pushed, and whenever more is known.
    ContinuousScan,
}

/// How the images of one repository are scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryScanning {
    /// When.
    pub frequency: ScanFrequency,
    /// The filters of the registry's rules that select the repository.
    pub applied: Vec<RepositoryFilter>,
}

impl ScanningConfiguration {
    /// Returns how the images of a repository are scanned. The repository's own setting counts
    /// where no rule selects it, and scans are basic.
    #[must_use]
    pub fn of(&self, repository: &Repository) -> RepositoryScanning {
        let mut applied = Vec::new();
        let mut frequency = match self.scan_type {
            ScanType::Basic if repository.scan_on_push => ScanFrequency::ScanOnPush,
            ScanType::Basic | ScanType::Enhanced => ScanFrequency::Manual,
        };
        for rule in &self.rules {
            for filter in &rule.repository_filters {
                if filter.selects(&repository.name) {
                    frequency = frequency.max(rule.scan_frequency);
                    applied.push(filter.clone());
                }
            }
        }
        RepositoryScanning { frequency, applied }
    }
}

impl Settings {
    /// Returns how images are scanned.
    pub async fn scanning(
        &self,
        permit: RegistryPermit,
    ) -> Result<ScanningConfiguration, RegistryError> {
        permit.must_be(Action::GetRegistryScanningConfiguration);
        self.find_scanning().await
    }

    /// Says how images are scanned.
    pub async fn put_scanning(
        &self,
        permit: RegistryPermit,
        configuration: &ScanningConfiguration,
    ) -> Result<(), RegistryError> {
        permit.must_be(Action::PutRegistryScanningConfiguration);
        self.replace(NAME, configuration).await
    }

    /// Returns how the images of each repository that a permit names are scanned; `None` where
    /// there is no such repository.
    pub async fn repository_scanning(
        &self,
        permits: &[RepositoryPermit],
    ) -> Result<Vec<Option<RepositoryScanning>>, RegistryError> {
        let configuration = self.find_scanning().await?;
        let mut found = Vec::with_capacity(permits.len());
        for permit in permits {
            permit.must_be(Action::BatchGetRepositoryScanningConfiguration);
            let repository: Option<Arc<Repository>> =
                match self.directory.current(permit.name()).await {
                    Ok((repository, _)) => Some(repository),
                    Err(RegistryError::RepositoryUnknown(_)) => None,
                    Err(error) => return Err(error),
                };
            found.push(repository.map(|repository| configuration.of(&repository)));
        }
        Ok(found)
    }

    async fn find_scanning(&self) -> Result<ScanningConfiguration, RegistryError> {
        Ok(self.find(NAME).await?.map(|(found, _)| found).unwrap_or_default())
    }
}
