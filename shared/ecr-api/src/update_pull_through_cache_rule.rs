//! [UpdatePullThroughCacheRule](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UpdatePullThroughCacheRule.html).

use berth_registry::access::Action;
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::cache_rule::{PREFIX, RuleDescription, upstream_access};
use crate::error::ApiError;
use crate::parameter::registry_is_here;
use crate::repository_description::epoch_seconds;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    ecr_repository_prefix: Option<String>,
    credential_arn: Option<String>,
    custom_role_arn: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    #[serde(flatten)]
    description: RuleDescription,
    updated_at: f64,
}

/// Changes what is needed upstream of a rule, and describes it.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let prefix = PREFIX.parse("ecrRepositoryPrefix", input.ecr_repository_prefix)?;
    registry_is_here("registryId", input.registry_id, &api.identity)?;
    let access = upstream_access(input.credential_arn, input.custom_role_arn, &api.identity)?;
    let permit = call.registry_permit(Action::UpdatePullThroughCacheRule).await?;
    let rule = api.registry.settings.update_cache_rule(permit, &prefix, &access).await?;
    Ok(Output {
        description: RuleDescription::new(&rule, &api.identity),
        updated_at: epoch_seconds(rule.updated_at),
    })
}
