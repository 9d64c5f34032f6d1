//! [PutImage](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html).

use berth_registry::access::{Action, Facts};
use berth_registry::{ImageId, PushChange, PutManifest};
use berth_types::{Algorithm, Digest, MediaType, Reference, Tag};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::image_description::ImageDescription;
use crate::image_id::{IMAGE_DIGEST, IMAGE_TAG};
use crate::parameter::{InvalidParameter, named_repository, required, text_length};

/// Largest manifest, in bytes.
const LARGEST_MANIFEST: usize = 4 * 1024 * 1024;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    image_manifest: Option<String>,
    image_manifest_media_type: Option<String>,
    image_tag: Option<String>,
    image_digest: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Output {
    image: ImageDescription,
}

/// Pushes a manifest, as a `PUT` to `/v2/` does.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let manifest = required("imageManifest", input.image_manifest)?;
    if manifest.len() > LARGEST_MANIFEST {
        let reason = format!("must have length less than or equal to {LARGEST_MANIFEST}");
        return Err(InvalidParameter::new("imageManifest", reason).into());
    }
    let tag = input.image_tag.as_deref().map(parse_tag).transpose()?;
    let media_type = input.image_manifest_media_type.as_deref().map(parse_media_type);
    let digest = match input.image_digest.as_deref() {
        Some(text) => parse_digest(text)?,
        None => Digest::of(Algorithm::Sha256, manifest.as_bytes()),
    };
    let put = PutManifest {
        reference: Reference::Digest(digest),
        tags: tag.iter().cloned().collect(),
        content_type: media_type.transpose()?,
        bytes: Bytes::from(manifest.clone()),
    };
    let facts = Facts { image_tags: put.tags.clone(), ..call.facts() };
    let permit = call.permit_with(Action::PutImage, &name, &facts).await?;
    let pushed = api.registry.push.put_manifest(&permit, None, put).await?;
    let id = ImageId { digest: pushed.digest, tag };
    if pushed.change == PushChange::Nothing {
        return Err(ApiError::ImageExists { repository: name, id: id.into() });
    }
    let image = ImageDescription {
        registry_id: api.identity.registry_id.clone(),
        repository_name: name,
        image_id: id.into(),
        image_manifest: manifest,
        image_manifest_media_type: pushed.media_type,
    };
    Ok(Output { image })
}

fn parse_tag(text: &str) -> Result<Tag, InvalidParameter> {
    text_length("imageTag", text, 1, 300)?;
    text.parse().map_err(|_| InvalidParameter::pattern("imageTag", IMAGE_TAG))
}

fn parse_digest(text: &str) -> Result<Digest, InvalidParameter> {
    text.parse().map_err(|_| InvalidParameter::pattern("imageDigest", IMAGE_DIGEST))
}

fn parse_media_type(text: &str) -> Result<MediaType, InvalidParameter> {
    let invalid = |_| InvalidParameter::new("imageManifestMediaType", "must be a media type");
    text.parse().map_err(invalid)
}
