//! A repository as responses describe it.

use berth_registry::ports::Timestamp;
use berth_registry::{Identity, Repository};
use berth_types::{RegistryId, RepositoryArn, RepositoryName, TagMutabilitySetting};
use serde::Serialize;

use crate::encryption_configuration::EncryptionDescription;
use crate::put_image_scanning_configuration::ScanningDescription;
use crate::tag_mutability::{FilterDescription, describe_filters};

/// The data type [Repository](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_Repository.html).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RepositoryDescription {
    repository_arn: String,
    registry_id: RegistryId,
    repository_name: RepositoryName,
    repository_uri: String,
    created_at: f64,
    image_tag_mutability: TagMutabilitySetting,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    image_tag_mutability_exclusion_filters: Vec<FilterDescription>,
    image_scanning_configuration: ScanningDescription,
    encryption_configuration: EncryptionDescription,
}

/// The answer of the operations that make or delete one repository.
#[derive(Debug, Serialize)]
pub(crate) struct OneRepository {
    repository: RepositoryDescription,
}

impl OneRepository {
    /// Describes `repository`, see [`RepositoryDescription::new`].
    pub(crate) fn new(repository: &Repository, identity: &Identity, base_url: &str) -> Self {
        let repository = RepositoryDescription::new(repository, identity, base_url);
        Self { repository }
    }
}

impl RepositoryDescription {
    /// Describes `repository` of the registry `identity`, which clients reach at `base_url`.
    pub(crate) fn new(repository: &Repository, identity: &Identity, base_url: &str) -> Self {
        let name = repository.name.clone();
        let arn = RepositoryArn {
            region: identity.region.clone(),
            registry: identity.registry_id.clone(),
            name: name.clone(),
        };
        Self {
            repository_arn: arn.to_string(),
            registry_id: identity.registry_id.clone(),
            repository_uri: format!("{}/{name}", host(base_url)),
            repository_name: name,
            created_at: epoch_seconds(repository.created_at),
            image_tag_mutability: repository.tag_mutability.setting(),
            image_tag_mutability_exclusion_filters: describe_filters(&repository.tag_mutability),
            image_scanning_configuration: ScanningDescription {
                scan_on_push: repository.scan_on_push,
            },
            encryption_configuration: EncryptionDescription::new(&repository.encryption),
        }
    }
}

/// Returns the host and port of a base URL, such as `localhost:5001` of `http://localhost:5001`.
pub(crate) fn host(base_url: &str) -> &str {
    let (_, rest) = base_url.split_once("://").unwrap_or(("", base_url));
    rest.trim_end_matches('/')
}

/// Returns a moment as JSON 1.1 writes it: seconds since 1970, with milliseconds as the fraction.
#[expect(clippy::cast_precision_loss, reason = "exact until the year 287396")]
pub(crate) fn epoch_seconds(moment: Timestamp) -> f64 {
    moment.millis() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_from_urls() {
        assert_eq!(host("http://localhost:5001"), "localhost:5001");
        assert_eq!(host("https://registry.example.com/"), "registry.example.com");
    }

    #[test]
    fn moments_are_seconds_with_a_fraction() {
        let seconds = epoch_seconds(Timestamp::from_millis(1_700_000_000_123));
        assert_eq!(serde_json::to_string(&seconds).unwrap(), "1700000000.123");
    }
}
