//! [CreateRepository](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html).

use berth_registry::access::{Action, Facts};
use berth_registry::{CreateRepository, Identity};
use berth_types::RepositoryName;
use serde::Deserialize;

use crate::api::Call;
use crate::encryption_configuration::{EncryptionInput, encryption};
use crate::error::ApiError;
use crate::parameter::{registry_is_here, repository_name, required};
use crate::put_image_scanning_configuration::ScanningInput;
use crate::repository_description::OneRepository;
use crate::resource_tags::{TagInput, resource_tags};
use crate::tag_mutability::{FilterInput, tag_mutability};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    tags: Option<Vec<TagInput>>,
    image_tag_mutability: Option<String>,
    image_tag_mutability_exclusion_filters: Option<Vec<FilterInput>>,
    image_scanning_configuration: Option<ScanningInput>,
    encryption_configuration: Option<EncryptionInput>,
}

/// Makes a repository, and describes it. Who gives it tags needs the right to
/// [tag on creation](https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-supported-iam-actions-tagging.html)
/// as well.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<OneRepository, ApiError> {
    let api = call.api;
    let (name, settings) = parse(input, &api.identity)?;
    let facts = Facts { request_tags: settings.tags.clone(), ..call.facts() };
    let permit = call.permit_with(Action::CreateRepository, &name, &facts).await?;
    if !settings.tags.is_empty() {
        call.permit_with(Action::TagResource, &name, &facts).await?;
    }
    let repository = api.registry.repositories.create(&permit, settings).await?;
    Ok(OneRepository::new(&repository, &api.identity, call.base_url))
}

fn parse(
    input: Input,
    identity: &Identity,
) -> Result<(RepositoryName, CreateRepository), ApiError> {
    let name = required("repositoryName", input.repository_name)?;
    let name = repository_name("repositoryName", name)?;
    registry_is_here("registryId", input.registry_id, identity)?;
    let setting = input.image_tag_mutability.as_deref();
    let filters = input.image_tag_mutability_exclusion_filters;
    let scanning = input.image_scanning_configuration;
    let settings = CreateRepository {
        tag_mutability: tag_mutability(setting, filters)?,
        encryption: encryption(input.encryption_configuration)?,
        scan_on_push: scanning.is_some_and(|input| input.scan_on_push()),
        tags: resource_tags("tags", input.tags.unwrap_or_default())?,
        ..CreateRepository::default()
    };
    Ok((name, settings))
}

#[cfg(test)]
mod tests {
    use berth_types::{Encryption, TagMutability, TagMutabilitySetting};

    use super::*;

    fn parse_json(json: &str) -> Result<(RepositoryName, CreateRepository), String> {
        let identity = Identity {
            registry_id: "123456789012".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
        };
        let input = serde_json::from_str(json).map_err(|error| error.to_string())?;
        parse(input, &identity).map_err(|error| error.answer(&identity).message)
    }

    #[track_caller]
    fn check_refused(json: &str, reason: &str) {
        let message = parse_json(json).unwrap_err();
        assert!(message.contains(reason), "{message}");
    }

    #[test]
    fn settings_have_defaults() {
        let (name, settings) = parse_json(r#"{"repositoryName":"team/app","tags":null}"#).unwrap();
        assert_eq!(name.as_str(), "team/app");
        assert_eq!(settings.tag_mutability, TagMutability::default());
        assert_eq!(settings.encryption, Encryption::Aes256);
        assert!(!settings.scan_on_push && settings.tags.is_empty());
    }

    #[test]
    fn settings_are_read() {
        let json = r#"{"repositoryName": "team/app", "registryId": "123456789012", "later": 1,
            "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
            "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "dev-*"}],
            "imageScanningConfiguration": {"scanOnPush": true},
            "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": "k"},
            "tags": [{"Key": "team", "Value": "platform"}]}"#;
        let (_, settings) = parse_json(json).unwrap();
        let mutability = settings.tag_mutability;
        assert_eq!(mutability.setting(), TagMutabilitySetting::ImmutableWithExclusion);
        assert_eq!(mutability.exclusions(), ["dev-*".parse().unwrap()]);
        assert!(settings.scan_on_push);
        assert_eq!(settings.encryption, Encryption::Kms("k".parse().ok()));
        assert_eq!(settings.tags["team"], "platform");
    }

    #[test]
    fn names_are_required() {
        check_refused("{}", "'repositoryName' failed to satisfy constraint: 'must not be null'");
    }

    #[test]
    fn mutability_is_one_of_four_settings() {
        check_refused(
            r#"{"repositoryName":"app","imageTagMutability":"WRONG"}"#,
            "must satisfy enum value set: [IMMUTABLE, IMMUTABLE_WITH_EXCLUSION, MUTABLE, MUTABLE_WITH_EXCLUSION]",
        );
        check_refused(
            r#"{"repositoryName":"app","imageTagMutability":"MUTABLE_WITH_EXCLUSION"}"#,
            "must have 1 to 5 members",
        );
        check_refused(
            r#"{"repositoryName":"app","imageTagMutability":"IMMUTABLE",
                "imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"a"}]}"#,
            "must not be given unless",
        );
        check_refused(
            r#"{"repositoryName":"app","imageTagMutability":"IMMUTABLE_WITH_EXCLUSION",
                "imageTagMutabilityExclusionFilters":[{"filterType":"WILDCARD","filter":"*a*b*"}]}"#,
            "'imageTagMutabilityExclusionFilters.1.member.filter' failed",
        );
        check_refused(
            r#"{"repositoryName":"app","imageTagMutability":"IMMUTABLE_WITH_EXCLUSION",
                "imageTagMutabilityExclusionFilters":[{"filterType":"REGEX","filter":"a"}]}"#,
            "must satisfy enum value set: [WILDCARD]",
        );
    }

    #[test]
    fn other_registries_are_refused() {
        check_refused(r#"{"repositoryName":"app","registryId":"000000000000"}"#, "this registry");
    }

    #[test]
    fn types_must_fit() {
        check_refused(r#"{"repositoryName":7}"#, "expected a string");
    }
}
