use berth_types::{CredentialArn, RepositoryPrefix, UpstreamRegistry};
use serde::{Deserialize, Serialize};

use super::Settings;
use super::prefixed::{Prefixed, PrefixedKind, PrefixedPage};
use crate::access::{Action, RegistryPermit};
use crate::error::RegistryError;
use crate::ports::Timestamp;

/// Where the images of a prefix come from.
///
/// Follows [PullThroughCacheRule](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PullThroughCacheRule.html).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheRule {
    /// Repositories whose images come from there.
    pub prefix: RepositoryPrefix,
    /// The registry that they come from.
    #[serde(flatten)]
    pub upstream: Upstream,
    /// What is needed there.
    #[serde(flatten)]
    pub access: UpstreamAccess,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed.
    pub updated_at: Timestamp,
}

/// A registry, and the part of it that is cached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// Whose registry it is.
    pub upstream_registry: UpstreamRegistry,
    /// Its host.
    pub upstream_url: String,
    /// Begin of the repositories' names there; without one, the name behind the rule's own prefix
    /// is the whole name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_prefix: Option<RepositoryPrefix>,
}

/// What lets a registry in upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamAccess {
    /// Secret with a name and a password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_arn: Option<CredentialArn>,
    /// Role that may read there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_role_arn: Option<String>,
}

impl Prefixed for CacheRule {
    const KIND: PrefixedKind = PrefixedKind::CacheRule;

    fn prefix(&self) -> &RepositoryPrefix {
        &self.prefix
    }
}

impl Settings {
    /// Makes a rule.
    pub async fn create_cache_rule(
        &self,
        permit: RegistryPermit,
        prefix: RepositoryPrefix,
        upstream: Upstream,
        access: UpstreamAccess,
    ) -> Result<CacheRule, RegistryError> {
        permit.must_be(Action::CreatePullThroughCacheRule);
        let now = self.clock.now();
        let rule = CacheRule { prefix, upstream, access, created_at: now, updated_at: now };
        self.add(&rule).await?;
        Ok(rule)
    }

    /// Changes what is needed upstream of the rule for `prefix`; what is not given stays. Returns
    /// what the rule is then.
    pub async fn update_cache_rule(
        &self,
        permit: RegistryPermit,
        prefix: &RepositoryPrefix,
        access: &UpstreamAccess,
    ) -> Result<CacheRule, RegistryError> {
        permit.must_be(Action::UpdatePullThroughCacheRule);
        let now = self.clock.now();
        let change = |rule: &mut CacheRule| {
            rule.updated_at = now;
            if access.credential_arn.is_some() {
                rule.access.credential_arn.clone_from(&access.credential_arn);
            }
            if access.custom_role_arn.is_some() {
                rule.access.custom_role_arn.clone_from(&access.custom_role_arn);
            }
            Ok(())
        };
        self.change(prefix, change).await
    }

    /// Deletes the rule for `prefix`, and returns what it was. What was cached stays.
    pub async fn delete_cache_rule(
        &self,
        permit: RegistryPermit,
        prefix: &RepositoryPrefix,
    ) -> Result<CacheRule, RegistryError> {
        permit.must_be(Action::DeletePullThroughCacheRule);
        self.remove(prefix).await
    }

    /// Returns the rules for `prefixes`, in their order. Fails if one has none.
    pub async fn cache_rules_named(
        &self,
        permit: RegistryPermit,
        prefixes: &[RepositoryPrefix],
    ) -> Result<Vec<CacheRule>, RegistryError> {
        permit.must_be(Action::DescribePullThroughCacheRules);
        let found = self.named::<CacheRule>(prefixes).await?.into_iter().zip(prefixes);
        let rules = found.map(|(rule, prefix)| {
            let unknown =
                || RegistryError::PrefixUnknown { kind: CacheRule::KIND, prefix: prefix.clone() };
            rule.ok_or_else(unknown)
        });
        rules.collect()
    }

    /// Returns a page of all rules, at most `limit` after the prefix `after`.
    pub async fn cache_rules(
        &self,
        permit: RegistryPermit,
        after: Option<&RepositoryPrefix>,
        limit: usize,
    ) -> Result<PrefixedPage<CacheRule>, RegistryError> {
        permit.must_be(Action::DescribePullThroughCacheRules);
        self.page(after, limit).await
    }
}
