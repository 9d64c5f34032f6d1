//! [DeregisterPullTimeUpdateExclusion](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeregisterPullTimeUpdateExclusion.html).

use berth_registry::access::Action;
use berth_types::PrincipalArn;
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::principal_arn;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    principal_arn: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    principal_arn: PrincipalArn,
}

/// Lets the pulls of a principal count again.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let principal_arn = principal_arn(input.principal_arn)?;
    let permit = call.registry_permit(Action::DeregisterPullTimeUpdateExclusion).await?;
    api.registry.pull_time_exclusions.deregister(permit, &principal_arn).await?;
    Ok(Output { principal_arn })
}
