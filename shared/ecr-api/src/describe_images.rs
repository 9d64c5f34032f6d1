//! [DescribeImages](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html).

use berth_registry::access::{Action, RepositoryPermit};
use berth_registry::{ImageDetail, ImageQuery, ImageSelector, RegistryError};
use berth_types::{Digest, MediaType, RegistryId, RepositoryName, Tag};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::image_filter::{FilterInput, ImageFilter};
use crate::image_id::{ImageIdentifier, image_selectors};
use crate::page::{PAGE_SIZES, parse_token, to_token};
use crate::parameter::{InvalidParameter, named_repository};
use crate::repository_description::epoch_seconds;

/// How many images that a request names are read at once.
const READS: usize = 10;

/// Bytes that an image's description takes at most, but for its tags and its artifact type: names of
/// members, a repository's name, two digests and a media type.
const IMAGE_BYTES: usize = 1536;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    image_ids: Option<Vec<ImageIdentifier>>,
    next_token: Option<String>,
    max_results: Option<i64>,
    filter: Option<FilterInput>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    image_details: Vec<Detail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// The data type [ImageDetail](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    registry_id: RegistryId,
    repository_name: RepositoryName,
    image_digest: Digest,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    image_tags: Vec<Tag>,
    image_size_in_bytes: i64,
    image_pushed_at: f64,
    image_manifest_media_type: MediaType,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_media_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_recorded_pull_time: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject_manifest_digest: Option<Digest>,
    image_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_archived_at: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_activated_at: Option<f64>,
}

/// Where the next page begins; opaque to clients.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    after: Digest,
}

/// Describes the images that are named, or a page of all.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let filter = FilterInput::parse(input.filter)?;
    let describe = |detail| Detail::new(detail, &name, &api.identity.registry_id);
    let (images, next) = match input.image_ids {
        Some(_) if input.max_results.is_some() => return Err(not_with_ids("maxResults")),
        Some(_) if input.next_token.is_some() => return Err(not_with_ids("nextToken")),
        Some(ids) => {
            let selectors = image_selectors(ids)?;
            let permit = call.permit(Action::DescribeImages, &name).await?;
            (named(call, &permit, selectors, filter).await?, None)
        }
        None => {
            let limit = PAGE_SIZES.parse(input.max_results)?;
            let parse = |token: &String| parse_token::<Cursor>(token, "DescribeImages");
            let cursor = input.next_token.as_ref().map(parse).transpose()?;
            let permit = call.permit(Action::DescribeImages, &name).await?;
            let after = cursor.map(|cursor| cursor.after);
            let query = ImageQuery { tag_status: filter.tag_status, after, limit };
            let status = filter.status.unwrap_or_default();
            let page = api.registry.pull.describe_images(&permit, query, status).await?;
            shortened(page.images, page.next, api.body_limits.answer)
        }
    };
    Ok(Output {
        image_details: images.into_iter().map(describe).collect(),
        next_token: next.map(|after| to_token(&Cursor { after })).transpose()?,
    })
}

/// Cuts a page off where its description could have more than `most` bytes, yet not before the
/// first image.
fn shortened(
    mut images: Vec<ImageDetail>,
    next: Option<Digest>,
    most: usize,
) -> (Vec<ImageDetail>, Option<Digest>) {
    let mut bytes = 0;
    let fits = |image: &&ImageDetail| {
        let tags: usize = image.tags.iter().map(|tag| tag.as_str().len() + r#""","#.len()).sum();
        bytes += IMAGE_BYTES + tags + image.artifact_type.as_ref().map_or(0, String::len);
        bytes <= most
    };
    let fitting = images.iter().take_while(fits).count().max(1);
    if fitting >= images.len() {
        return (images, next);
    }
    images.truncate(fitting);
    let last = images.last().map(|image| image.digest.clone());
    (images, last)
}

fn not_with_ids(at: &str) -> ApiError {
    InvalidParameter::new(at, "must not be given together with imageIds").into()
}

async fn named(
    call: &Call<'_>,
    permit: &RepositoryPermit,
    selectors: Vec<(ImageIdentifier, ImageSelector)>,
    filter: ImageFilter,
) -> Result<Vec<ImageDetail>, ApiError> {
    let pull = &call.api.registry.pull;
    let reads: Vec<_> = selectors
        .iter()
        .map(|(id, selector)| async move {
            pull.describe_image(permit, selector).await.map_err(|error| match error {
                RegistryError::ManifestUnknown { repository, .. }
                | RegistryError::TagElsewhere { repository, .. } => {
                    ApiError::ImageUnknown { repository, id: id.clone() }
                }
                error => error.into(),
            })
        })
        .collect();
    let images: Vec<ImageDetail> = stream::iter(reads).buffered(READS).try_collect().await?;
    // An image that is named is described whatever its status, unless the filter names one.
    let of_status = |image: &ImageDetail| filter.status.is_none_or(|f| f.wants(image.status));
    let is_wanted =
        |image: &ImageDetail| filter.tag_status.wants(image.tags.first()) && of_status(image);
    Ok(images.into_iter().filter(is_wanted).collect())
}

impl Detail {
    fn new(image: ImageDetail, name: &RepositoryName, registry_id: &RegistryId) -> Self {
        Self {
            registry_id: registry_id.clone(),
            repository_name: name.clone(),
            image_digest: image.digest,
            image_tags: image.tags,
            image_size_in_bytes: i64::try_from(image.size).unwrap_or(i64::MAX),
            image_pushed_at: epoch_seconds(image.pushed_at),
            image_manifest_media_type: image.media_type,
            artifact_media_type: image.artifact_type,
            last_recorded_pull_time: image.last_pulled_at.map(epoch_seconds),
            subject_manifest_digest: image.subject,
            image_status: image.status.as_str(),
            last_archived_at: image.archived_at.map(epoch_seconds),
            last_activated_at: image.activated_at.map(epoch_seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use berth_registry::ImageStatus;
    use berth_registry::ports::Timestamp;
    use berth_types::Algorithm;

    fn image(number: u8) -> ImageDetail {
        ImageDetail {
            digest: Digest::of(Algorithm::Sha256, &[number]),
            tags: vec!["v".repeat(100).parse().unwrap()],
            size: 1,
            pushed_at: Timestamp::from_millis(0),
            media_type: "application/json".parse().unwrap(),
            artifact_type: None,
            subject: None,
            status: ImageStatus::Active,
            archived_at: None,
            activated_at: None,
            last_pulled_at: None,
        }
    }

    #[track_caller]
    fn check(most: usize, kept: usize, next: Option<u8>) {
        let (images, after) = shortened((0..3).map(image).collect(), Some(image(9).digest), most);
        assert_eq!((images.len(), after), (kept, next.map(|number| image(number).digest)));
    }

    #[test]
    fn pages_fit_an_answer() {
        let one = IMAGE_BYTES + 103;
        check(3 * one, 3, Some(9));
        check(3 * one - 1, 2, Some(1));
        check(one, 1, Some(0));
        check(0, 1, Some(0));
        assert_eq!(shortened(Vec::new(), None, 0), (Vec::new(), None));
    }
}
