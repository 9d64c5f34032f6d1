//! [DescribeReplicationBackfillResults](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeReplicationBackfillResults.html).

use std::collections::BTreeSet;

use berth_registry::access::Action;
use berth_registry::{BackfillResult, BackfilledImage, ImageId, ResultPlace, WhichResults};
use berth_types::{RegistryId, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::image_id::ImageIdentifier;
use crate::page::{PAGE_SIZES, parse_token, to_token};
use crate::parameter::{InvalidParameter, registry_is_here};
use crate::replication_backfill::{Summary, backfill_id};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    replication_backfill_id: Option<String>,
    result_status_filter: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    registry_id: RegistryId,
    #[serde(flatten)]
    backfill: Summary,
    results: Vec<ResultOutput>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// The data type [ReplicationBackfillResult](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ReplicationBackfillResult.html).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultOutput {
    repository_name: RepositoryName,
    image_id: ImageIdentifier,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_image_failure_codes: Option<BTreeSet<String>>,
}

/// Where the next page begins; opaque to clients.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    from: ResultPlace,
}

impl From<BackfilledImage> for ResultOutput {
    fn from(image: BackfilledImage) -> Self {
        let (status, failure_code) = match image.result {
            BackfillResult::Complete => ("COMPLETE", None),
            BackfillResult::Failed(code) => ("FAILED", Some(code)),
        };
        Self {
            repository_name: image.repository,
            image_id: ImageId { digest: image.digest, tag: image.tag }.into(),
            status,
            failure_code,
            sub_image_failure_codes: image.of_children,
        }
    }
}

fn which(filter: Option<&str>) -> Result<WhichResults, InvalidParameter> {
    match filter {
        None => Ok(WhichResults::All),
        Some("COMPLETE") => Ok(WhichResults::Complete),
        Some("FAILED") => Ok(WhichResults::Failed),
        Some(_) => Err(InvalidParameter::choice("resultStatusFilter", &["COMPLETE", "FAILED"])),
    }
}

/// Describes a backfill and, if it ended, what became of its images.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let identity = &call.api.identity;
    registry_is_here("registryId", input.registry_id, identity)?;
    let id = backfill_id(input.replication_backfill_id)?;
    let which = which(input.result_status_filter.as_deref())?;
    let limit = PAGE_SIZES.parse(input.max_results)?;
    let parse = |token: &String| parse_token::<Cursor>(token, "DescribeReplicationBackfillResults");
    let from = input.next_token.as_ref().map(parse).transpose()?;
    let from = from.map(|cursor| cursor.from).unwrap_or_default();
    let permit = call.registry_permit(Action::DescribeReplicationBackfillResults).await?;
    let page = call.api.registry.backfills.results(permit, id, which, from, limit).await?;
    Ok(Output {
        registry_id: identity.registry_id.clone(),
        backfill: page.backfill.into(),
        results: page.images.into_iter().map(ResultOutput::from).collect(),
        next_token: page.next.map(|from| to_token(&Cursor { from })).transpose()?,
    })
}
