//! [DescribePullThroughCacheRules](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribePullThroughCacheRules.html).

use berth_registry::access::Action;
use berth_registry::{CacheRule, PrefixedPage};
use berth_types::{RepositoryPrefix, UpstreamRegistry};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::cache_rule::{PREFIX, RuleDescription};
use crate::error::ApiError;
use crate::page::{PAGE_SIZES, parse_token, to_token};
use crate::parameter::registry_is_here;
use crate::repository_description::epoch_seconds;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    ecr_repository_prefixes: Option<Vec<String>>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    pull_through_cache_rules: Vec<Rule>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// The data type [PullThroughCacheRule](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PullThroughCacheRule.html).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    #[serde(flatten)]
    description: RuleDescription,
    upstream_registry: UpstreamRegistry,
    upstream_registry_url: String,
    created_at: f64,
    updated_at: f64,
}

/// Describes the rules for the prefixes that are named, or a page of all. Prefixes that are named
/// are one page.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    registry_is_here("registryId", input.registry_id, &api.identity)?;
    let limit = PAGE_SIZES.parse(input.max_results)?;
    let parse =
        |token: &String| parse_token::<RepositoryPrefix>(token, "DescribePullThroughCacheRules");
    let after = input.next_token.as_ref().map(parse).transpose()?;
    let named = input.ecr_repository_prefixes;
    let named = named.map(|prefixes| PREFIX.parse_all("ecrRepositoryPrefixes", prefixes));
    let named = named.transpose()?;
    let permit = call.registry_permit(Action::DescribePullThroughCacheRules).await?;
    let settings = &api.registry.settings;
    let page = match named {
        Some(prefixes) => {
            let settings = settings.cache_rules_named(permit, &prefixes).await?;
            PrefixedPage { settings, next: None }
        }
        None => settings.cache_rules(permit, after.as_ref(), limit).await?,
    };
    let describe = |rule: CacheRule| Rule {
        description: RuleDescription::new(&rule, &api.identity),
        upstream_registry: rule.upstream.upstream_registry,
        upstream_registry_url: rule.upstream.upstream_url,
        created_at: epoch_seconds(rule.created_at),
        updated_at: epoch_seconds(rule.updated_at),
    };
    Ok(Output {
        pull_through_cache_rules: page.settings.into_iter().map(describe).collect(),
        next_token: page.next.as_ref().map(to_token).transpose()?,
    })
}
