//! Berth's own operations on what the rules of replication leave open.
//!
//! They come as those on users do (module `administration`), and ask for the actions of the
//! operations on the rules themselves.

use berth_registry::access::Action;
use berth_registry::{ReplicationRefinement, ReplicationRefinements};
use berth_types::ExclusionFilter;
use serde::Deserialize;
use serde_json::Value;

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::{InvalidParameter, length, required};
use crate::put_replication_configuration::{DestinationInput, destination};
use crate::repository_filter::{REPLICATION, RepositoryFilterInput};

/// The most refinements of a registry.
const MOST: usize = 100;

/// The most destinations, and the most patterns of tags, of one of them.
const MOST_EACH: usize = 100;

/// Pattern of patterns of tags.
const TAG_FILTER: &str = "[0-9a-zA-Z._*-]{1,128} with at most 2 *";

#[derive(Debug, Deserialize)]
pub(crate) struct GetInput {}

#[derive(Debug, Deserialize)]
pub(crate) struct PutInput {
    refinements: Option<Vec<RefinementInput>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RefinementInput {
    repository_filters: Option<Vec<RepositoryFilterInput>>,
    destinations: Option<Vec<DestinationInput>>,
    tag_filters: Option<Vec<String>>,
    repository_settings: Option<bool>,
}

pub(crate) async fn get(call: &Call<'_>, _: GetInput) -> Result<Value, ApiError> {
    let permit = call.registry_permit(Action::DescribeRegistry).await?;
    to_value(&call.api.registry.settings.replication_refinements(permit).await?)
}

pub(crate) async fn put(call: &Call<'_>, input: PutInput) -> Result<Value, ApiError> {
    let inputs = required("refinements", input.refinements)?;
    length("refinements", &inputs, 0, MOST)?;
    let mut refinements = Vec::with_capacity(inputs.len());
    for (place, input) in (1..).zip(inputs) {
        refinements.push(refinement(&format!("refinements.{place}.member"), input)?);
    }
    let refinements = ReplicationRefinements { refinements };
    let permit = call.registry_permit(Action::PutReplicationConfiguration).await?;
    call.api.registry.settings.put_replication_refinements(permit, &refinements).await?;
    to_value(&refinements)
}

fn refinement(at: &str, input: RefinementInput) -> Result<ReplicationRefinement, InvalidParameter> {
    let filters = input.repository_filters.unwrap_or_default();
    let repository_filters = REPLICATION.parse(&format!("{at}.repositoryFilters"), filters, 0)?;
    let at_destinations = format!("{at}.destinations");
    let inputs = input.destinations.unwrap_or_default();
    length(&at_destinations, &inputs, 0, MOST_EACH)?;
    let mut destinations = Vec::with_capacity(inputs.len());
    for (place, input) in (1..).zip(inputs) {
        destinations.push(destination(&format!("{at_destinations}.{place}.member"), input)?);
    }
    let at_tags = format!("{at}.tagFilters");
    let texts = input.tag_filters.unwrap_or_default();
    length(&at_tags, &texts, 0, MOST_EACH)?;
    let mut tag_filters: Vec<ExclusionFilter> = Vec::with_capacity(texts.len());
    for (place, text) in (1..).zip(texts) {
        let filter = text.try_into();
        let at = format!("{at_tags}.{place}.member");
        tag_filters.push(filter.map_err(|_| InvalidParameter::pattern(at, TAG_FILTER))?);
    }
    let repository_settings = input.repository_settings.unwrap_or_default();
    Ok(ReplicationRefinement { repository_filters, destinations, tag_filters, repository_settings })
}

fn to_value(refinements: &ReplicationRefinements) -> Result<Value, ApiError> {
    serde_json::to_value(refinements).map_err(ApiError::Answer)
}
