//! [ListImages](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImages.html).

use berth_registry::access::Action;
use berth_registry::{ImageId, ImageQuery};
use berth_types::{Digest, Tag};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::image_filter::FilterInput;
use crate::image_id::ImageIdentifier;
use crate::page::{PAGE_SIZES, parse_token, to_token};
use crate::parameter::named_repository;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    next_token: Option<String>,
    max_results: Option<i64>,
    filter: Option<FilterInput>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    image_ids: Vec<ImageIdentifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// Where the next page begins; opaque to clients.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    after: Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<Tag>,
}

/// Lists a repository's images: one id a tag, and one for each image without tags.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let limit = PAGE_SIZES.parse(input.max_results)?;
    let filter = FilterInput::parse(input.filter)?;
    let parse = |token: &String| parse_token::<Cursor>(token, "ListImages");
    let cursor = input.next_token.as_ref().map(parse).transpose()?;
    let permit = call.permit(Action::ListImages, &name).await?;
    let after = cursor.map(|cursor| ImageId { digest: cursor.after, tag: cursor.tag });
    let query = ImageQuery { tag_status: filter.tag_status, after, limit };
    let status = filter.status.unwrap_or_default();
    let page = api.registry.pull.list_images(&permit, query, status).await?;
    let token = |ImageId { digest, tag }| to_token(&Cursor { after: digest, tag });
    Ok(Output {
        image_ids: page.images.into_iter().map(ImageIdentifier::from).collect(),
        next_token: page.next.map(token).transpose()?,
    })
}
