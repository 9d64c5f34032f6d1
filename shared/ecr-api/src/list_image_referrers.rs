//! [ListImageReferrers](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html).

use berth_registry::access::Action;
use berth_registry::{Referrer, ReferrersQuery, StatusFilter};
use berth_types::{Annotations, Descriptor, Digest};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::image_filter::status_filter;
use crate::image_id::IMAGE_DIGEST;
use crate::page::{PageSizes, parse_token, to_token};
use crate::parameter::{InvalidParameter, length, named_repository, required, text_length};

const PAGE_SIZES: PageSizes = PageSizes { usual: 20, most: 50 };

/// How many artifact types a filter names at most.
const MOST_TYPES: usize = 5;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    subject_id: Option<SubjectInput>,
    filter: Option<FilterInput>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubjectInput {
    image_digest: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilterInput {
    artifact_types: Option<Vec<String>>,
    artifact_status: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    referrers: Vec<ImageReferrer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// The data type [ImageReferrer](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageReferrer.html).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageReferrer {
    digest: Digest,
    media_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Annotations>,
    artifact_status: &'static str,
}

/// Where the next page begins; opaque to clients.
#[derive(Debug, Serialize, Deserialize)]
struct Cursor {
    after: Digest,
}

/// Lists the artifacts that refer to an image.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let subject = parse_subject(input.subject_id)?;
    let (kinds, status) = parse_filter(input.filter)?;
    let limit = PAGE_SIZES.parse(input.max_results)?;
    let parse = |token: &String| parse_token::<Cursor>(token, "ListImageReferrers");
    let cursor = input.next_token.as_ref().map(parse).transpose()?;
    let permit = call.permit(Action::ListImageReferrers, &name).await?;
    let kinds: Vec<_> = kinds.iter().map(String::as_str).collect();
    let query = ReferrersQuery {
        subject: &subject,
        artifact_types: &kinds,
        status,
        after: cursor.as_ref().map(|cursor| &cursor.after),
        limit,
    };
    let page = api.registry.pull.referrers(&permit, query).await?;
    Ok(Output {
        referrers: page.referrers.into_iter().map(ImageReferrer::from).collect(),
        next_token: page.next.map(|after| to_token(&Cursor { after })).transpose()?,
    })
}

fn parse_subject(input: Option<SubjectInput>) -> Result<Digest, InvalidParameter> {
    let at = "subjectId.imageDigest";
    let digest = required(at, required("subjectId", input)?.image_digest)?;
    digest.parse().map_err(|_| InvalidParameter::pattern(at, IMAGE_DIGEST))
}

fn parse_filter(
    input: Option<FilterInput>,
) -> Result<(Vec<String>, StatusFilter), InvalidParameter> {
    let FilterInput { artifact_types, artifact_status } = input.unwrap_or_default();
    let kinds = artifact_types.unwrap_or_default();
    length("filter.artifactTypes", &kinds, 0, MOST_TYPES)?;
    for (place, kind) in (1..).zip(&kinds) {
        text_length(&format!("filter.artifactTypes.{place}.member"), kind, 1, 255)?;
    }
    let status = status_filter("filter.artifactStatus", artifact_status.as_deref())?;
    Ok((kinds, status.unwrap_or_default()))
}

impl From<Referrer> for ImageReferrer {
    fn from(Referrer { descriptor, status }: Referrer) -> Self {
        let Descriptor { media_type, digest, size, artifact_type, annotations } = descriptor;
        let artifact_status = status.as_str();
        Self { digest, media_type, artifact_type, size, annotations, artifact_status }
    }
}
