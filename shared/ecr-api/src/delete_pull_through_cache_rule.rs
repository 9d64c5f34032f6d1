//! [DeletePullThroughCacheRule](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeletePullThroughCacheRule.html).

use berth_registry::access::Action;
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::cache_rule::{PREFIX, RuleDescription};
use crate::error::ApiError;
use crate::parameter::registry_is_here;
use crate::repository_description::epoch_seconds;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    ecr_repository_prefix: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    #[serde(flatten)]
    description: RuleDescription,
    upstream_registry_url: String,
    created_at: f64,
}

/// Deletes a rule, and describes what it was.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let prefix = PREFIX.parse("ecrRepositoryPrefix", input.ecr_repository_prefix)?;
    registry_is_here("registryId", input.registry_id, &api.identity)?;
    let permit = call.registry_permit(Action::DeletePullThroughCacheRule).await?;
    let rule = api.registry.settings.delete_cache_rule(permit, &prefix).await?;
    Ok(Output {
        description: RuleDescription::new(&rule, &api.identity),
        upstream_registry_url: rule.upstream.upstream_url,
        created_at: epoch_seconds(rule.created_at),
    })
}
