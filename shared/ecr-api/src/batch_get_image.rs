//! [BatchGetImage](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html).

use berth_registry::access::{Action, GateError, ImagePermit, RepositoryPermit};
use berth_registry::{ImageId, ImageSelector, StoredImage};
use berth_types::RepositoryName;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::image_description::ImageDescription;
use crate::image_failure::ImageFailure;
use crate::image_id::{BadImageId, ImageIdentifier, image_ids};
use crate::parameter::{length, named_repository};

/// How many images are read at once.
const READS: usize = 10;

/// How many media types a request accepts at most.
const MOST_TYPES: usize = 100;

/// Most bytes of manifests of one answer, or less where answers must be shorter.
const MOST_BYTES: usize = 32 * 1024 * 1024;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    image_ids: Option<Vec<ImageIdentifier>>,
    accepted_media_types: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Output {
    images: Vec<ImageDescription>,
    failures: Vec<ImageFailure>,
}

/// Reads manifests: one for each tag of an image that is named by its digest alone.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let ids = image_ids(input.image_ids)?;
    let accepted = input.accepted_media_types;
    if let Some(accepted) = &accepted {
        length("acceptedMediaTypes", accepted, 1, MOST_TYPES)?;
    }
    let permit = call.images_permit(Action::BatchGetImage, &name).await?;
    let named = permits(call, &permit, ids).await?;
    let repository = match named.iter().find_map(|(_, named)| named.as_ref().ok()) {
        Some((permit, _)) => permit,
        None => permit.for_none()?,
    };
    api.registry.pull.must_have_repository(repository).await?;
    let reads: Vec<_> = named.iter().map(|(id, named)| read(call, id, named)).collect();
    let mut reads = stream::iter(reads).buffered(READS);
    let mut output = Output { images: Vec::new(), failures: Vec::new() };
    let (mut bytes, most) = (0, MOST_BYTES.min(api.body_limits.answer));
    while let Some((id, read)) = reads.try_next().await? {
        let accepts = |stored: &StoredImage| {
            let media_type = stored.manifest.media_type.as_str();
            accepted.as_ref().is_none_or(|accepted| accepted.iter().any(|a| a == media_type))
        };
        match read {
            Ok(stored) if accepts(&stored) => {
                bytes += stored.manifest.bytes.len() * stored.tags.len().max(1);
                if bytes > most {
                    return Err(ApiError::AnswerTooLarge { most });
                }
                output.images.extend(images(call, &name, &stored));
            }
            Ok(_) => output.failures.push(ImageFailure::not_found(id)),
            Err(failure) => output.failures.push(failure),
        }
    }
    Ok(output)
}

/// An image's id, with what it names and the permit to read it, or what is wrong with it.
type Named = (ImageIdentifier, Result<(RepositoryPermit, ImageSelector), BadImageId>);

/// Asks whether all of the images may be read.
async fn permits(
    call: &Call<'_>,
    permit: &ImagePermit,
    ids: Vec<ImageIdentifier>,
) -> Result<Vec<Named>, GateError> {
    let ask = async |id: ImageIdentifier| match id.parse() {
        Ok(selector) => {
            let permit = call.api.registry.pull.permit_for(permit, &selector).await?;
            Ok((id, Ok((permit, selector))))
        }
        Err(error) => Ok((id, Err(error))),
    };
    stream::iter(ids).map(ask).buffered(READS).try_collect().await
}

/// Reads one image, or says why it can't be read.
async fn read(
    call: &Call<'_>,
    id: &ImageIdentifier,
    named: &Result<(RepositoryPermit, ImageSelector), BadImageId>,
) -> Result<(ImageIdentifier, Result<StoredImage, ImageFailure>), ApiError> {
    let id = id.clone();
    let (permit, selector) = match named {
        Ok(named) => named,
        Err(error) => return Ok((id.clone(), Err(ImageFailure::bad(id, *error)))),
    };
    match call.api.registry.pull.get_image(permit, selector).await {
        Ok(stored) => Ok((id, Ok(stored))),
        Err(error) => Ok((id.clone(), Err(ImageFailure::of(id, error)?))),
    }
}

fn images(call: &Call<'_>, name: &RepositoryName, stored: &StoredImage) -> Vec<ImageDescription> {
    let image = |tag| {
        let digest = stored.manifest.digest.clone();
        ImageDescription {
            registry_id: call.api.identity.registry_id.clone(),
            repository_name: name.clone(),
            image_id: ImageId { digest, tag }.into(),
            // JSON holds text alone; a manifest of other bytes is pulled over `/v2/`.
            image_manifest: String::from_utf8_lossy(&stored.manifest.bytes).into_owned(),
            image_manifest_media_type: stored.manifest.media_type.clone(),
        }
    };
    match stored.tags.as_slice() {
        [] => vec![image(None)],
        tags => tags.iter().map(|tag| image(Some(tag.clone()))).collect(),
    }
}
