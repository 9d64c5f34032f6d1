//! [DescribeRepositoryCreationTemplates](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositoryCreationTemplates.html).

use berth_registry::PrefixedPage;
use berth_registry::access::Action;
use berth_types::{RegistryId, RepositoryPrefix};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::creation_template::{PREFIX, TemplateDescription};
use crate::error::ApiError;
use crate::page::{PAGE_SIZES, parse_token, to_token};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    prefixes: Option<Vec<String>>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    registry_id: RegistryId,
    repository_creation_templates: Vec<TemplateDescription>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Describes the templates for the prefixes that are named, as far as there are any, or a page of
/// all. Prefixes that are named are one page.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let limit = PAGE_SIZES.parse(input.max_results)?;
    let parse = |token: &String| {
        parse_token::<RepositoryPrefix>(token, "DescribeRepositoryCreationTemplates")
    };
    let after = input.next_token.as_ref().map(parse).transpose()?;
    let named = input.prefixes.filter(|prefixes| !prefixes.is_empty());
    let named = named.map(|prefixes| PREFIX.parse_all("prefixes", prefixes)).transpose()?;
    let permit = call.registry_permit(Action::DescribeRepositoryCreationTemplates).await?;
    let settings = &api.registry.settings;
    let page = match named {
        Some(prefixes) => {
            let settings = settings.templates_named(permit, &prefixes).await?;
            PrefixedPage { settings, next: None }
        }
        None => settings.templates(permit, after.as_ref(), limit).await?,
    };
    Ok(Output {
        registry_id: api.identity.registry_id.clone(),
        repository_creation_templates: page.settings.into_iter().map(Into::into).collect(),
        next_token: page.next.as_ref().map(to_token).transpose()?,
    })
}
