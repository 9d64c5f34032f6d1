//! [ListPullTimeUpdateExclusions](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListPullTimeUpdateExclusions.html).

use berth_registry::access::Action;
use berth_types::PrincipalArn;
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::page::{PAGE_SIZES, parse_token, to_token};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    pull_time_update_exclusions: Vec<PrincipalArn>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Where the next page begins; opaque to clients.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    after: PrincipalArn,
}

/// Lists the principals whose pulls don't count.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let limit = PAGE_SIZES.parse(input.max_results)?;
    let parse = |token: &String| parse_token::<Cursor>(token, "ListPullTimeUpdateExclusions");
    let cursor = input.next_token.as_ref().map(parse).transpose()?;
    let permit = call.registry_permit(Action::ListPullTimeUpdateExclusions).await?;
    let after = cursor.as_ref().map(|cursor| &cursor.after);
    let page = api.registry.pull_time_exclusions.list(permit, after, limit).await?;
    Ok(Output {
        pull_time_update_exclusions: page.principals,
        next_token: page.next.map(|after| to_token(&Cursor { after })).transpose()?,
    })
}
