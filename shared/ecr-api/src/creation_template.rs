//! A template of repositories, as requests say and responses tell it.

use std::collections::BTreeMap;

use berth_lifecycle::InvalidLifecyclePolicy;
use berth_registry::{CreationReason, CreationTemplate, Identity, Quotas, TemplateChange};
use berth_types::{RegistryId, RepositoryPrefix, TagMutabilitySetting};
use serde::{Deserialize, Serialize};

use crate::custom_role::custom_role;
use crate::encryption_configuration::{EncryptionDescription, EncryptionInput};
use crate::error::ApiError;
use crate::lifecycle_policy::parse_policy;
use crate::parameter::{InvalidParameter, length, text_length};
use crate::repository_description::epoch_seconds;
use crate::repository_prefix::PrefixLength;
use crate::resource_tags::{TagDescription, TagInput, resource_tags};
use crate::tag_mutability::{
    FilterDescription, FilterInput, describe_filters, exclusion_filters, tag_mutability_setting,
};
use crate::template_encryption::template_encryption;

/// How long the prefix of a template is.
pub(crate) const PREFIX: PrefixLength = PrefixLength { least: 1, most: 256 };

/// Checks the tags that a template gives: its operations have no exceptions of their own for them.
fn template_tags(inputs: Vec<TagInput>) -> Result<BTreeMap<String, String>, ApiError> {
    let at = "resourceTags";
    resource_tags(at, inputs).map_err(|error| match error {
        ApiError::InvalidTag(reason) => {
            InvalidParameter::new(at, format!("must be tags of a resource: {reason}")).into()
        }
        ApiError::TooManyTags { most, .. } => {
            InvalidParameter::new(at, format!("must have length less than or equal to {most}"))
                .into()
        }
        other => other,
    })
}

/// What a request says of a template beside its prefix. An empty text takes away what was there.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TemplateInput {
    description: Option<String>,
    encryption_configuration: Option<EncryptionInput>,
    resource_tags: Option<Vec<TagInput>>,
    image_tag_mutability: Option<String>,
    image_tag_mutability_exclusion_filters: Option<Vec<FilterInput>>,
    repository_policy: Option<String>,
    lifecycle_policy: Option<String>,
    pub(crate) applied_for: Option<Vec<String>>,
    custom_role_arn: Option<String>,
}

/// The data type [RepositoryCreationTemplate](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_RepositoryCreationTemplate.html).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TemplateDescription {
    prefix: RepositoryPrefix,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    encryption_configuration: EncryptionDescription,
    resource_tags: Vec<TagDescription>,
    image_tag_mutability: TagMutabilitySetting,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    image_tag_mutability_exclusion_filters: Vec<FilterDescription>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifecycle_policy: Option<String>,
    applied_for: Vec<CreationReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_role_arn: Option<String>,
    created_at: f64,
    updated_at: f64,
}

/// The answer of the operations on one template.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OneTemplate {
    registry_id: RegistryId,
    repository_creation_template: TemplateDescription,
}

impl TemplateInput {
    /// Parses what is given, for a registry of this `identity`.
    pub(crate) fn parse(
        self,
        identity: &Identity,
        quotas: &Quotas,
    ) -> Result<Vec<TemplateChange>, ApiError> {
        let mut changes = Vec::new();
        if let Some(text) = self.description {
            text_length("description", &text, 0, 256)?;
            changes.push(TemplateChange::Description(unless_empty(text)));
        }
        if let Some(input) = self.encryption_configuration {
            changes.push(TemplateChange::Encryption(template_encryption(input)?));
        }
        if let Some(inputs) = self.resource_tags {
            changes.push(TemplateChange::Tags(template_tags(inputs)?));
        }
        let setting = self.image_tag_mutability.as_deref();
        let setting = setting.map(tag_mutability_setting).transpose()?;
        let exclusions = self.image_tag_mutability_exclusion_filters;
        let exclusions = exclusions.map(exclusion_filters).transpose()?;
        if setting.is_some() || exclusions.is_some() {
            changes.push(TemplateChange::TagMutability { setting, exclusions });
        }
        if let Some(text) = self.repository_policy {
            text_length("repositoryPolicy", &text, 0, quotas.repository_policy_length)?;
            changes.push(TemplateChange::Policy(unless_empty(text)));
        }
        if let Some(text) = self.lifecycle_policy {
            text_length("lifecyclePolicy", &text, 0, quotas.lifecycle_policy_length)?;
            let parse = |text: String| parse_policy(&text, quotas);
            let policy = unless_empty(text).map(parse).transpose();
            let policy = policy.map_err(|error| lifecycle_refusal(&error))?;
            changes.push(TemplateChange::LifecyclePolicy(policy));
        }
        if let Some(texts) = self.applied_for {
            changes.push(TemplateChange::AppliedFor(reasons(&texts)?));
        }
        if let Some(text) = self.custom_role_arn {
            let role = unless_empty(text).map(|text| custom_role(text, identity)).transpose()?;
            changes.push(TemplateChange::CustomRole(role));
        }
        Ok(changes)
    }
}

fn unless_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn lifecycle_refusal(error: &InvalidLifecyclePolicy) -> InvalidParameter {
    let reason = format!("Lifecycle policy validation failure: {error}");
    InvalidParameter::new("lifecyclePolicy", reason)
}

/// Parses the parameter `appliedFor`, and leaves out what stands there twice.
fn reasons(texts: &[String]) -> Result<Vec<CreationReason>, InvalidParameter> {
    length("appliedFor", texts, 1, 3)?;
    let mut reasons = Vec::with_capacity(texts.len());
    for text in texts {
        let reason = match text.as_str() {
            "REPLICATION" => CreationReason::Replication,
            "PULL_THROUGH_CACHE" => CreationReason::PullThroughCache,
            "CREATE_ON_PUSH" => CreationReason::CreateOnPush,
            _ => {
                let values = ["CREATE_ON_PUSH", "PULL_THROUGH_CACHE", "REPLICATION"];
                return Err(InvalidParameter::choice("appliedFor", &values));
            }
        };
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    Ok(reasons)
}

impl From<CreationTemplate> for TemplateDescription {
    fn from(template: CreationTemplate) -> Self {
        Self {
            prefix: template.prefix,
            description: template.description,
            encryption_configuration: EncryptionDescription::new(&template.encryption),
            resource_tags: template.tags.into_iter().map(TagDescription::from).collect(),
            image_tag_mutability: template.tag_mutability.setting(),
            image_tag_mutability_exclusion_filters: describe_filters(&template.tag_mutability),
            repository_policy: template.policy,
            lifecycle_policy: template.lifecycle_policy,
            applied_for: template.applied_for,
            custom_role_arn: template.custom_role_arn,
            created_at: epoch_seconds(template.created_at),
            updated_at: epoch_seconds(template.updated_at),
        }
    }
}

impl OneTemplate {
    /// Describes `template` of the registry `identity`.
    pub(crate) fn new(template: CreationTemplate, identity: &Identity) -> Self {
        let registry_id = identity.registry_id.clone();
        Self { registry_id, repository_creation_template: template.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Vec<TemplateChange>, String> {
        let identity = Identity {
            registry_id: "123456789012".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
        };
        let input: TemplateInput = serde_json::from_str(json).unwrap();
        input.parse(&identity, &Quotas::default()).map_err(|error| error.answer(&identity).message)
    }

    #[track_caller]
    fn check_refused(json: &str, reason: &str) {
        let message = parse(json).unwrap_err();
        assert!(message.contains(reason), "{message}");
    }

    #[test]
    fn what_is_not_given_does_not_change() {
        assert!(parse("{}").unwrap().is_empty());
        let changes = parse(r#"{"imageTagMutability": "IMMUTABLE"}"#).unwrap();
        assert!(matches!(
            changes.as_slice(),
            [TemplateChange::TagMutability {
                setting: Some(TagMutabilitySetting::Immutable),
                exclusions: None
            }]
        ));
    }

    #[test]
    fn an_empty_text_takes_away() {
        let json = r#"{"description": "", "repositoryPolicy": "", "lifecyclePolicy": "",
            "customRoleArn": "", "resourceTags": []}"#;
        let changes = parse(json).unwrap();
        assert_eq!(changes.len(), 5);
        assert!(changes.iter().all(|change| match change {
            TemplateChange::Description(text)
            | TemplateChange::Policy(text)
            | TemplateChange::CustomRole(text) => text.is_none(),
            TemplateChange::LifecyclePolicy(policy) => policy.is_none(),
            TemplateChange::Tags(tags) => tags.is_empty(),
            _ => false,
        }));
    }

    #[test]
    fn reasons_are_of_three() {
        let json = r#"{"appliedFor": ["CREATE_ON_PUSH", "REPLICATION", "CREATE_ON_PUSH"]}"#;
        let changes = parse(json).unwrap();
        let expected = [CreationReason::CreateOnPush, CreationReason::Replication];
        assert!(
            matches!(changes.as_slice(), [TemplateChange::AppliedFor(reasons)] if *reasons == expected)
        );
        check_refused(r#"{"appliedFor": ["PUSH"]}"#, "must satisfy enum value set");
        check_refused(r#"{"appliedFor": []}"#, "must have length greater than or equal to 1");
    }

    #[test]
    fn texts_are_checked() {
        let long = format!(r#"{{"description": "{}"}}"#, "a".repeat(257));
        check_refused(&long, "must have length less than or equal to 256");
        check_refused(r#"{"lifecyclePolicy": "{}"}"#, "Lifecycle policy validation failure");
        check_refused(
            r#"{"customRoleArn": "arn:aws:iam::000000000000:role/ecr"}"#,
            "must be the ARN of a role of the account 123456789012",
        );
        check_refused(r#"{"resourceTags": [{"Key": "aws:a", "Value": ""}]}"#, "reserved");
    }
}
