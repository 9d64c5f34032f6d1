//! A rule of pull-through caches, as requests say and responses tell it.

use berth_registry::{CacheRule, Identity, UpstreamAccess};
use berth_types::{CredentialArn, ParseCredentialArnError, RegistryId, RepositoryPrefix};
use serde::Serialize;

use crate::custom_role::custom_role;
use crate::error::ApiError;
use crate::parameter::{InvalidParameter, text_length};
use crate::repository_prefix::PrefixLength;

/// How long the prefix of a rule is.
pub(crate) const PREFIX: PrefixLength = PrefixLength { least: 2, most: 30 };

/// Pattern that ECR's API reference gives for ARNs of secrets.
const CREDENTIAL_ARN: &str = r"^arn:aws(-\w+)*:secretsmanager:[a-zA-Z0-9-:]+:secret:ecr\-pullthroughcache\/[a-zA-Z0-9\/_+=.@-]+$";

/// What all responses about a rule have.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RuleDescription {
    ecr_repository_prefix: RepositoryPrefix,
    registry_id: RegistryId,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential_arn: Option<CredentialArn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_repository_prefix: Option<RepositoryPrefix>,
}

impl RuleDescription {
    /// Describes `rule` of the registry `identity`.
    pub(crate) fn new(rule: &CacheRule, identity: &Identity) -> Self {
        Self {
            ecr_repository_prefix: rule.prefix.clone(),
            registry_id: identity.registry_id.clone(),
            credential_arn: rule.access.credential_arn.clone(),
            custom_role_arn: rule.access.custom_role_arn.clone(),
            upstream_repository_prefix: rule.upstream.upstream_prefix.clone(),
        }
    }
}

/// Parses the parameters `credentialArn` and `customRoleArn`. A secret must lie in the registry's
/// own account and region; whether it does is not asked.
pub(crate) fn upstream_access(
    credential_arn: Option<String>,
    custom_role_arn: Option<String>,
    identity: &Identity,
) -> Result<UpstreamAccess, ApiError> {
    let credential_arn = credential_arn.map(parse_credential_arn).transpose()?;
    let (region, account) = (identity.region.as_str(), identity.registry_id.as_str());
    if credential_arn.as_ref().is_some_and(|arn| !arn.lies_in(region, account)) {
        return Err(ApiError::SecretUnknown);
    }
    let custom_role_arn = custom_role_arn.map(|text| custom_role(text, identity)).transpose()?;
    Ok(UpstreamAccess { credential_arn, custom_role_arn })
}

fn parse_credential_arn(text: String) -> Result<CredentialArn, InvalidParameter> {
    let at = "credentialArn";
    text_length(at, &text, 50, 612)?;
    CredentialArn::try_from(text).map_err(|error| match error {
        ParseCredentialArnError::Length(_) | ParseCredentialArnError::Form => {
            InvalidParameter::pattern(at, CREDENTIAL_ARN)
        }
    })
}
