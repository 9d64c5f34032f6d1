//! [CreatePullThroughCacheRule](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html).

use berth_registry::access::Action;
use berth_registry::{Identity, Upstream, UpstreamAccess};
use berth_types::{RepositoryPrefix, UpstreamRegistry, account_of};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::cache_rule::{PREFIX, RuleDescription, upstream_access};
use crate::error::ApiError;
use crate::parameter::{InvalidParameter, registry_is_here, required};
use crate::repository_description::epoch_seconds;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    ecr_repository_prefix: Option<String>,
    upstream_registry_url: Option<String>,
    registry_id: Option<String>,
    upstream_registry: Option<String>,
    credential_arn: Option<String>,
    custom_role_arn: Option<String>,
    upstream_repository_prefix: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    #[serde(flatten)]
    description: RuleDescription,
    upstream_registry: UpstreamRegistry,
    upstream_registry_url: String,
    created_at: f64,
}

/// Makes a rule, and describes it.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let (prefix, upstream, access) = parse(input, &api.identity)?;
    let permit = call.registry_permit(Action::CreatePullThroughCacheRule).await?;
    let settings = &api.registry.settings;
    let rule = settings.create_cache_rule(permit, prefix, upstream, access).await?;
    Ok(Output {
        description: RuleDescription::new(&rule, &api.identity),
        upstream_registry: rule.upstream.upstream_registry,
        upstream_registry_url: rule.upstream.upstream_url,
        created_at: epoch_seconds(rule.created_at),
    })
}

fn parse(
    input: Input,
    identity: &Identity,
) -> Result<(RepositoryPrefix, Upstream, UpstreamAccess), ApiError> {
    let prefix = PREFIX.parse("ecrRepositoryPrefix", input.ecr_repository_prefix)?;
    registry_is_here("registryId", input.registry_id, identity)?;
    let url = required("upstreamRegistryUrl", input.upstream_registry_url)?;
    let registry = UpstreamRegistry::at(&url).ok_or(ApiError::UpstreamUnsupported)?;
    if let Some(name) = input.upstream_registry {
        check_name(&name, registry)?;
    }
    let at = "upstreamRepositoryPrefix";
    let upstream_prefix = input.upstream_repository_prefix;
    let upstream_prefix = upstream_prefix.map(|text| PREFIX.parse(at, Some(text))).transpose()?;
    if prefix.is_root() && upstream_prefix.as_ref().is_some_and(|prefix| !prefix.is_root()) {
        let constraint = "must be ROOT when ecrRepositoryPrefix is ROOT";
        return Err(InvalidParameter::new(at, constraint).into());
    }
    let access = upstream_access(input.credential_arn, input.custom_role_arn, identity)?;
    check_access(registry, &url, &access, identity)?;
    let upstream = Upstream { upstream_registry: registry, upstream_url: url, upstream_prefix };
    Ok((prefix, upstream, access))
}

/// Checks that the parameter `upstreamRegistry` names the registry at the URL.
fn check_name(name: &str, registry: UpstreamRegistry) -> Result<(), InvalidParameter> {
    let at = "upstreamRegistry";
    let names = UpstreamRegistry::ALL.map(UpstreamRegistry::name);
    if !names.contains(&name) {
        return Err(InvalidParameter::choice(at, &names));
    }
    if name != registry.name() {
        let constraint =
            format!("must be {}, the registry at upstreamRegistryUrl", registry.name());
        return Err(InvalidParameter::new(at, constraint));
    }
    Ok(())
}

/// Checks that the registry upstream is given what it needs.
fn check_access(
    registry: UpstreamRegistry,
    url: &str,
    access: &UpstreamAccess,
    identity: &Identity,
) -> Result<(), InvalidParameter> {
    if registry.needs_credentials() && access.credential_arn.is_none() {
        let constraint = format!("must be given when the upstream registry is {}", registry.name());
        return Err(InvalidParameter::new("credentialArn", constraint));
    }
    let is_foreign = account_of(url).is_some_and(|account| account != identity.registry_id);
    if is_foreign && access.custom_role_arn.is_none() {
        let constraint = "must be given when the upstream registry is of another account";
        return Err(InvalidParameter::new("customRoleArn", constraint));
    }
    Ok(())
}
