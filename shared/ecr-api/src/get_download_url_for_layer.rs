//! [GetDownloadUrlForLayer](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html).

use berth_registry::RegistryError;
use berth_registry::access::Action;
use berth_registry::ports::Download;
use berth_types::Digest;
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::image_id::IMAGE_DIGEST;
use crate::parameter::{InvalidParameter, named_repository, required};

/// Parameter of a URL that holds its token, as the OCI distribution API takes it.
const URL_TOKEN: &str = "_token";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    layer_digest: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    download_url: String,
    layer_digest: Digest,
}

/// Gives a URL that anyone may download a layer from for a while: the store's own, or one of this
/// registry with a token for that layer alone.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let name = named_repository(input.repository_name, input.registry_id, &api.identity)?;
    let at = "layerDigest";
    let digest: Digest = required(at, input.layer_digest)?
        .parse()
        .map_err(|_| InvalidParameter::pattern(at, IMAGE_DIGEST))?;
    let permit = call.permit(Action::GetDownloadUrlForLayer, &name).await?;
    let pull = &api.registry.pull;
    let blob = pull.find_used_blob(&permit, &digest).await?;
    let download_url = match pull.download(&permit, &blob, 0..blob.size).await? {
        Download::Redirect(url) => url,
        Download::File(_) => {
            let principal = call.principal()?;
            let issued = api.authenticator.download_token(principal, &name, &digest).await;
            let token = issued.map_err(RegistryError::from)?.token;
            let base_url = call.base_url.trim_end_matches('/');
            format!("{base_url}/v2/{name}/blobs/{digest}?{URL_TOKEN}={}", token.reveal())
        }
    };
    Ok(Output { download_url, layer_digest: digest })
}
