//! [ListReplicationBackfills](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListReplicationBackfills.html).

use berth_registry::BackfillId;
use berth_registry::access::Action;
use berth_types::RegistryId;
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::page::{PageSizes, parse_token, to_token};
use crate::parameter::registry_is_here;
use crate::replication_backfill::Summary;

/// How long the pages are.
const SIZES: PageSizes = PageSizes { usual: 25, most: 50 };

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    registry_id: RegistryId,
    backfills: Vec<Summary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Where the next page begins; opaque to clients.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    after: BackfillId,
}

/// Lists the registry's backfills, the oldest first.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    registry_is_here("registryId", input.registry_id, &call.api.identity)?;
    let limit = SIZES.parse(input.max_results)?;
    let parse = |token: &String| parse_token::<Cursor>(token, "ListReplicationBackfills");
    let after = input.next_token.as_ref().map(parse).transpose()?.map(|cursor| cursor.after);
    let permit = call.registry_permit(Action::ListReplicationBackfills).await?;
    let page = call.api.registry.backfills.list(permit, after, limit).await?;
    Ok(Output {
        registry_id: call.api.identity.registry_id.clone(),
        backfills: page.backfills.into_iter().map(Summary::from).collect(),
        next_token: page.next.map(|after| to_token(&Cursor { after })).transpose()?,
    })
}
