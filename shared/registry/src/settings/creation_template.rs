use std::collections::BTreeMap;

use berth_lifecycle::LifecyclePolicy;
use berth_policy::{Policy, PolicyKind};
use berth_types::{
    Encryption, ExclusionFilter, RepositoryName, RepositoryPrefix, TagMutability,
    TagMutabilitySetting,
};
use serde::{Deserialize, Serialize};

use super::Settings;
use super::prefixed::{Prefixed, PrefixedKind, PrefixedPage, read_prefixed};
use crate::access::{Action, RegistryPermit};
use crate::error::RegistryError;
use crate::ports::{ReadTable, StoreError, Timestamp};

/// What the repositories of a prefix are like that the registry makes by itself.
///
/// Follows [RepositoryCreationTemplate](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_RepositoryCreationTemplate.html).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreationTemplate {
    /// Repositories that it is for.
    pub prefix: RepositoryPrefix,
    /// What somebody says about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How their content is encrypted at rest.
    pub encryption: Encryption,
    /// Resource tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Whether their tags may move.
    pub tag_mutability: TagMutability,
    /// Repository policy, as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Lifecycle policy, as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle_policy: Option<String>,
    /// What the registry makes them for.
    pub applied_for: Vec<CreationReason>,
    /// Role that ECR would make them as; kept, and given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_role_arn: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed.
    pub updated_at: Timestamp,
}

/// What the registry makes a repository for by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CreationReason {
    /// Images of another registry come.
    Replication,
    /// An image comes from an upstream registry.
    PullThroughCache,
    /// A client pushes.
    CreateOnPush,
}

/// One thing that a template says, as it is to be from now on.
#[derive(Clone, Debug)]
pub enum TemplateChange {
    /// What somebody says about it.
    Description(Option<String>),
    /// How content is encrypted at rest.
    Encryption(Encryption),
    /// Resource tags.
    Tags(BTreeMap<String, String>),
    /// Whether tags may move; what is not given stays.
    TagMutability {
        /// The setting.
        setting: Option<TagMutabilitySetting>,
        /// The filters; those that were there go with a setting that takes none.
        exclusions: Option<Vec<ExclusionFilter>>,
    },
    /// Repository policy.
    Policy(Option<String>),
    /// Lifecycle policy, which the caller has validated.
    LifecyclePolicy(Option<LifecyclePolicy>),
    /// What repositories are made for.
    AppliedFor(Vec<CreationReason>),
    /// Role that ECR would make them as.
    CustomRole(Option<String>),
}

impl Prefixed for CreationTemplate {
    const KIND: PrefixedKind = PrefixedKind::CreationTemplate;

    fn prefix(&self) -> &RepositoryPrefix {
        &self.prefix
    }
}

impl Settings {
    /// Makes a template that says what `changes` say, and of the rest what repositories are
    /// without a template.
    pub async fn create_template(
        &self,
        permit: RegistryPermit,
        prefix: RepositoryPrefix,
        changes: &[TemplateChange],
    ) -> Result<CreationTemplate, RegistryError> {
        permit.must_be(Action::CreateRepositoryCreationTemplate);
        let now = self.clock.now();
        let mut template = CreationTemplate {
            prefix,
            description: None,
            encryption: Encryption::default(),
            tags: BTreeMap::new(),
            tag_mutability: TagMutability::default(),
            policy: None,
            lifecycle_policy: None,
            applied_for: Vec::new(),
            custom_role_arn: None,
            created_at: now,
            updated_at: now,
        };
        template.apply(changes)?;
        self.add(&template).await?;
        Ok(template)
    }

    /// Changes the template for `prefix`, and returns what it is then.
    pub async fn update_template(
        &self,
        permit: RegistryPermit,
        prefix: &RepositoryPrefix,
        changes: &[TemplateChange],
    ) -> Result<CreationTemplate, RegistryError> {
        permit.must_be(Action::UpdateRepositoryCreationTemplate);
        let now = self.clock.now();
        let change = |template: &mut CreationTemplate| {
            template.updated_at = now;
            template.apply(changes)
        };
        self.change(prefix, change).await
    }

    /// Deletes the template for `prefix`, and returns what it was.
    pub async fn delete_template(
        &self,
        permit: RegistryPermit,
        prefix: &RepositoryPrefix,
    ) -> Result<CreationTemplate, RegistryError> {
        permit.must_be(Action::DeleteRepositoryCreationTemplate);
        self.remove(prefix).await
    }

    /// Returns the templates for those of the `prefixes` that have one, in their order.
    pub async fn templates_named(
        &self,
        permit: RegistryPermit,
        prefixes: &[RepositoryPrefix],
    ) -> Result<Vec<CreationTemplate>, RegistryError> {
        permit.must_be(Action::DescribeRepositoryCreationTemplates);
        Ok(self.named(prefixes).await?.into_iter().flatten().collect())
    }

    /// Returns a page of all templates, at most `limit` after the prefix `after`.
    pub async fn templates(
        &self,
        permit: RegistryPermit,
        after: Option<&RepositoryPrefix>,
        limit: usize,
    ) -> Result<PrefixedPage<CreationTemplate>, RegistryError> {
        permit.must_be(Action::DescribeRepositoryCreationTemplates);
        self.page(after, limit).await
    }
}

impl CreationTemplate {
    /// Returns the template of a repository that the registry makes for `reason`: that for the
    /// longest prefix of its name, among those that are for the reason.
    pub(crate) async fn find(
        table: &dyn ReadTable,
        name: &RepositoryName,
        reason: CreationReason,
    ) -> Result<Option<Self>, StoreError> {
        let templates = read_prefixed::<Self>(table, &RepositoryPrefix::all_of(name)).await?;
        let fits = |template: &Self| template.applied_for.contains(&reason);
        Ok(templates.into_iter().flatten().find(fits))
    }

    fn apply(&mut self, changes: &[TemplateChange]) -> Result<(), RegistryError> {
        changes.iter().cloned().try_for_each(|change| self.apply_one(change))
    }

    fn apply_one(&mut self, change: TemplateChange) -> Result<(), RegistryError> {
        match change {
            TemplateChange::Description(description) => self.description = description,
            TemplateChange::Encryption(encryption) => self.encryption = encryption,
            TemplateChange::Tags(tags) => self.tags = tags,
            TemplateChange::TagMutability { setting, exclusions } => {
                let current = &self.tag_mutability;
                let setting = setting.unwrap_or(current.setting());
                let exclusions = exclusions.unwrap_or_else(|| match setting {
                    TagMutabilitySetting::Mutable | TagMutabilitySetting::Immutable => Vec::new(),
                    TagMutabilitySetting::ImmutableWithExclusion
                    | TagMutabilitySetting::MutableWithExclusion => current.exclusions().to_vec(),
                });
                self.tag_mutability = TagMutability::new(setting, exclusions)?;
            }
            TemplateChange::Policy(policy) => {
                if let Some(text) = &policy {
                    let kind = PolicyKind::RepositoryTemplate;
                    // How long it may be, the API knows.
                    Policy::parse(&kind, text, usize::MAX)?;
                }
                self.policy = policy;
            }
            TemplateChange::LifecyclePolicy(policy) => {
                self.lifecycle_policy = policy.map(|policy| policy.text().to_owned());
            }
            TemplateChange::AppliedFor(reasons) => self.applied_for = reasons,
            TemplateChange::CustomRole(arn) => self.custom_role_arn = arn,
        }
        Ok(())
    }
}
