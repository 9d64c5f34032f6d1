//! Berth's own operations on storage figures: how many images there are, and how large they are.
//!
//! They come as those on users do (module `administration`).

use berth_registry::access::Action;
use berth_registry::{FiguresExtent, RepositoryFigures, StorageFigures};
use berth_types::RepositoryName;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::administration::ListInput;
use crate::api::Call;
use crate::error::ApiError;
use crate::page::{PAGE_SIZES, parse_token, to_token};
use crate::parameter::{repository_name, required};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RepositoryInput {
    repository_name: Option<String>,
}

pub(crate) async fn of_repository(
    call: &Call<'_>,
    input: RepositoryInput,
) -> Result<Value, ApiError> {
    let name = required("repositoryName", input.repository_name)?;
    let name = repository_name("repositoryName", name)?;
    let permit = call.permit(Action::GetRepositoryStorageFigures, &name).await?;
    let figures = call.api.registry.figures.of_repository(&permit).await?;
    Ok(json!({ "repository": describe(&figures) }))
}

pub(crate) async fn of_registry(call: &Call<'_>, input: ListInput) -> Result<Value, ApiError> {
    let limit = PAGE_SIZES.parse(input.max_results)?;
    let after: Option<RepositoryName> =
        input.next_token.map(|token| parse_token(&token, "GetStorageFigures")).transpose()?;
    let permit = call.registry_permit(Action::GetStorageFigures).await?;
    let figures = &call.api.registry.figures;
    let all = figures.of_registry(&permit).await?;
    let page = figures.of_repositories(&permit, after.as_ref(), limit).await?;
    let repositories: Vec<_> = page.repositories.iter().map(describe).collect();
    let mut output = json!({ "registry": numbers(all), "repositories": repositories });
    if let Some(next) = page.next {
        output["nextToken"] = to_token(&next)?.into();
    }
    Ok(output)
}

fn describe(of: &RepositoryFigures) -> Value {
    let mut value = numbers(of.figures);
    value["repositoryName"] = of.repository.as_str().into();
    value["extent"] = match of.extent {
        FiguresExtent::AllImages => "ALL_IMAGES",
        FiguresExtent::SomeImages => "SOME_IMAGES",
    }
    .into();
    value
}

fn numbers(figures: StorageFigures) -> Value {
    let StorageFigures { images, manifest_bytes, image_bytes } = figures;
    json!({
        "imageCount": images,
        "manifestSizeInBytes": manifest_bytes,
        "imageSizeInBytes": image_bytes,
    })
}
