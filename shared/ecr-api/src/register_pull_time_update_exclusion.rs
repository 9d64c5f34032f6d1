//! [RegisterPullTimeUpdateExclusion](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_RegisterPullTimeUpdateExclusion.html).

use berth_registry::access::Action;
use berth_types::PrincipalArn;
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::principal_arn;
use crate::repository_description::epoch_seconds;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    principal_arn: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    principal_arn: PrincipalArn,
    created_at: f64,
}

/// Lets the pulls of a principal count no more.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let principal_arn = principal_arn(input.principal_arn)?;
    let permit = call.registry_permit(Action::RegisterPullTimeUpdateExclusion).await?;
    let exclusions = &api.registry.pull_time_exclusions;
    let created_at = epoch_seconds(exclusions.register(permit, &principal_arn).await?);
    Ok(Output { principal_arn, created_at })
}
