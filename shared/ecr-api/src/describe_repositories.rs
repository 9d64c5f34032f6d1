//! [DescribeRepositories](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html).

use berth_registry::access::Action;
use berth_types::RepositoryName;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::page::{PAGE_SIZES, parse_token, to_token};
use crate::parameter::{
    InvalidParameter, length, registry_is_here, repository_is_here, repository_name,
};
use crate::repository_description::RepositoryDescription;

/// How many repositories are asked for by name at most.
const MOST_NAMES: usize = 100;

/// How many of them are read at once.
const READS: usize = 10;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_names: Option<Vec<String>>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    repositories: Vec<RepositoryDescription>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Where the next page begins; opaque to clients.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Cursor {
    after: RepositoryName,
}

/// Describes the repositories that are named, or a page of all.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    match input.repository_names {
        None => page(call, input).await,
        Some(_) if input.max_results.is_some() => Err(not_with_names("maxResults")),
        Some(_) if input.next_token.is_some() => Err(not_with_names("nextToken")),
        Some(names) => named(call, names, input.registry_id).await,
    }
}

fn not_with_names(at: &str) -> ApiError {
    InvalidParameter::new(at, "must not be given together with repositoryNames").into()
}

async fn named(
    call: &Call<'_>,
    names: Vec<String>,
    registry_id: Option<String>,
) -> Result<Output, ApiError> {
    let api = call.api;
    length("repositoryNames", &names, 1, MOST_NAMES)?;
    let mut permits = Vec::with_capacity(names.len());
    for name in names {
        let name = repository_name("repositoryNames", name)?;
        repository_is_here(&name, registry_id.clone(), &api.identity)?;
        let action = Action::DescribeRepositories;
        permits.push(call.permit(action, &name).await?);
    }
    let reads: Vec<_> =
        permits.iter().map(|permit| api.registry.repositories.describe(permit)).collect();
    let repositories = stream::iter(reads)
        .buffered(READS)
        .map_ok(|repository| RepositoryDescription::new(&repository, &api.identity, call.base_url))
        .try_collect()
        .await?;
    Ok(Output { repositories, next_token: None })
}

async fn page(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    registry_is_here("registryId", input.registry_id, &api.identity)?;
    let limit = PAGE_SIZES.parse(input.max_results)?;
    let parse = |token: &String| parse_token::<Cursor>(token, "DescribeRepositories");
    let cursor = input.next_token.as_ref().map(parse).transpose()?;
    let permit = call.registry_permit(Action::DescribeRepositories).await?;
    let after = cursor.map(|cursor| cursor.after);
    let repositories = &api.registry.repositories;
    let page = repositories.list(permit, after.as_ref(), limit).await?;
    let describe =
        |repository| RepositoryDescription::new(repository, &api.identity, call.base_url);
    Ok(Output {
        repositories: page.repositories.iter().map(describe).collect(),
        next_token: page.next.map(|after| to_token(&Cursor { after })).transpose()?,
    })
}
