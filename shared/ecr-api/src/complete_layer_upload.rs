//! [CompleteLayerUpload](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CompleteLayerUpload.html).

use berth_registry::access::Action;
use berth_registry::{FinishedUpload, RegistryError};
use berth_types::{Digest, RegistryId, RepositoryName, UploadId};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::image_id::IMAGE_DIGEST;
use crate::parameter::{InvalidParameter, length, named_repository, required, upload_id};

/// How many digests a request gives at most.
const MOST_DIGESTS: usize = 100;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    upload_id: Option<String>,
    layer_digests: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    registry_id: RegistryId,
    repository_name: RepositoryName,
    upload_id: UploadId,
    layer_digest: Digest,
}

/// Makes a layer of an upload, as a `PUT` to `/v2/` does.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let upload = upload_id(input.upload_id)?;
    let digest = layer_digest(input.layer_digests)?;
    let permit = call.permit(Action::CompleteLayerUpload, &name).await?;
    match api.registry.push.complete_upload(&permit, &upload, &digest).await {
        Ok(FinishedUpload::Made) => Ok(Output {
            registry_id: api.identity.registry_id.clone(),
            repository_name: name,
            upload_id: upload,
            layer_digest: digest,
        }),
        Ok(FinishedUpload::Known) => Err(ApiError::LayerExists { repository: name, digest }),
        Err(RegistryError::DigestMismatch { expected, actual }) => {
            Err(ApiError::LayerMismatch { expected, actual })
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads the digest of the layer, which may be given more than once.
fn layer_digest(texts: Option<Vec<String>>) -> Result<Digest, InvalidParameter> {
    let at = "layerDigests";
    let texts = required(at, texts)?;
    length(at, &texts, 1, MOST_DIGESTS)?;
    let mut digest = None;
    for (place, text) in (1..).zip(texts) {
        let invalid = |_| InvalidParameter::pattern(format!("{at}.{place}.member"), IMAGE_DIGEST);
        let parsed = text.parse::<Digest>().map_err(invalid)?;
        if digest.as_ref().is_some_and(|digest| *digest != parsed) {
            return Err(InvalidParameter::new(at, "must name one digest"));
        }
        digest = Some(parsed);
    }
    required(at, digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_digest_is_named() {
        let digest = |digit: &str| format!("sha256:{}", digit.repeat(64));
        let parse = |texts: &[&str]| {
            layer_digest(Some(texts.iter().map(ToString::to_string).collect()))
                .map_err(|error| error.to_string())
        };
        let (one, two) = (digest("1"), digest("2"));
        assert_eq!(parse(&[&one]), Ok(one.parse().unwrap()));
        assert_eq!(parse(&[&one, &one]), Ok(one.parse().unwrap()));
        assert!(parse(&[&one, &two]).unwrap_err().contains("must name one digest"));
        assert!(parse(&[&one, "none"]).unwrap_err().contains("'layerDigests.2.member'"));
        assert!(parse(&[]).is_err());
        assert!(layer_digest(None).is_err());
    }
}
