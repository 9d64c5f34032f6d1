//! What requests ask of a lifecycle policy's preview, in ECR's words and in Berth's.

use berth_registry::access::Action;
use berth_registry::{ImageQuery, ImageSelector, LifecyclePreview, PreviewStatus, PreviewedImage};
use berth_types::{Digest, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::image_filter::tag_status_filter;
use crate::image_id::{ImageIdentifier, image_selectors};
use crate::page::{PageSizes, parse_token, to_token};
use crate::parameter::{InvalidParameter, named_repository};

/// How long pages of results are.
const PAGES: PageSizes = PageSizes { usual: 100, most: 100 };

/// Bytes that a result takes at most, but for its tags, which are told twice if it loses them.
const RESULT_BYTES: usize = 1024;

/// Input of the operations that read a preview.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PreviewInput {
    registry_id: Option<String>,
    repository_name: Option<String>,
    image_ids: Option<Vec<ImageIdentifier>>,
    next_token: Option<String>,
    max_results: Option<i64>,
    filter: Option<PreviewFilter>,
}

/// The data type [LifecyclePolicyPreviewFilter](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_LifecyclePolicyPreviewFilter.html).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PreviewFilter {
    tag_status: Option<String>,
}

/// Where the next page begins; opaque to clients.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    after: Digest,
}

/// A preview, and what it is of.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) name: RepositoryName,
    pub(crate) preview: LifecyclePreview,
    /// Token of the next page.
    pub(crate) next_token: Option<String>,
}

/// Reads the repository's preview, with what would happen to the images that are named, or to a
/// page of all.
pub(crate) async fn find(call: &Call<'_>, input: PreviewInput) -> Result<Found, ApiError> {
    let (api, action) = (call.api, Action::GetLifecyclePolicyPreview);
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let filter = input.filter.unwrap_or_default();
    let tag_status = tag_status_filter(filter.tag_status.as_deref())?;
    let previews = &api.registry.lifecycle_previews;
    let mut preview = match input.image_ids {
        Some(_) if input.max_results.is_some() => return Err(not_with_ids("maxResults")),
        Some(_) if input.next_token.is_some() => return Err(not_with_ids("nextToken")),
        Some(ids) => {
            let selectors: Vec<ImageSelector> =
                image_selectors(ids)?.into_iter().map(|(_, selector)| selector).collect();
            let permit = call.permit(action, &name).await?;
            previews.preview_of(&permit, &selectors, tag_status).await?
        }
        None => {
            let limit = PAGES.parse(input.max_results)?;
            let parse = |token: &String| parse_token::<Cursor>(token, "GetLifecyclePolicyPreview");
            let cursor = input.next_token.as_ref().map(parse).transpose()?;
            let permit = call.permit(action, &name).await?;
            let after = cursor.map(|cursor| cursor.after);
            previews.preview(&permit, ImageQuery { tag_status, after, limit }).await?
        }
    };
    shorten(&mut preview, api.body_limits.answer);
    let next_token = preview.next.take().map(|after| to_token(&Cursor { after })).transpose()?;
    Ok(Found { name, preview, next_token })
}

/// Returns how far a preview is, in ECR's words.
pub(crate) fn describe_status(status: PreviewStatus) -> &'static str {
    match status {
        PreviewStatus::InProgress => "IN_PROGRESS",
        PreviewStatus::Complete => "COMPLETE",
        PreviewStatus::Expired => "EXPIRED",
        PreviewStatus::Failed => "FAILED",
    }
}

fn not_with_ids(at: &str) -> ApiError {
    InvalidParameter::new(at, "must not be given together with imageIds").into()
}

/// Cuts the results off where their description could have more than `most` bytes, yet not before
/// the first.
fn shorten(preview: &mut LifecyclePreview, most: usize) {
    let mut bytes = preview.policy.len();
    let fits = |image: &&PreviewedImage| {
        let tags: usize = image.tags.iter().map(|tag| tag.as_str().len() + r#""","#.len()).sum();
        bytes += RESULT_BYTES + 2 * tags;
        bytes <= most
    };
    let fitting = preview.images.iter().take_while(fits).count().max(1);
    if fitting < preview.images.len() {
        preview.images.truncate(fitting);
        preview.next = preview.images.last().map(|image| image.digest.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use berth_registry::PlannedAction;
    use berth_registry::ports::Timestamp;
    use berth_types::Algorithm;

    fn image(number: u8) -> PreviewedImage {
        PreviewedImage {
            digest: Digest::of(Algorithm::Sha256, &[number]),
            tags: vec!["v".repeat(100).parse().unwrap()],
            pushed_at: Timestamp::from_millis(0),
            size: 1,
            is_archived: false,
            action: PlannedAction::Expire,
            rule: 1,
            reason: String::new(),
        }
    }

    #[track_caller]
    fn check(most: usize, kept: usize, next: Option<u8>) {
        let mut preview = LifecyclePreview {
            policy: String::new(),
            status: PreviewStatus::Complete,
            figures: None,
            images: (0..3).map(image).collect(),
            next: Some(image(9).digest),
        };
        shorten(&mut preview, most);
        let next = next.map(|number| image(number).digest);
        assert_eq!((preview.images.len(), preview.next), (kept, next));
    }

    #[test]
    fn results_fit_an_answer() {
        let one = RESULT_BYTES + 2 * 103;
        check(3 * one, 3, Some(9));
        check(3 * one - 1, 2, Some(1));
        check(one, 1, Some(0));
        check(0, 1, Some(0));
    }
}
