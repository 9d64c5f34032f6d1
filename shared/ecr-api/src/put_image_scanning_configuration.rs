//! [PutImageScanningConfiguration](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImageScanningConfiguration.html).

use berth_registry::RepositoryChange;
use berth_types::{RegistryId, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::{named_repository, required};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    registry_id: Option<String>,
    repository_name: Option<String>,
    image_scanning_configuration: Option<ScanningInput>,
}

/// The data type [ImageScanningConfiguration](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageScanningConfiguration.html)
/// of a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScanningInput {
    scan_on_push: Option<bool>,
}

/// The same data type, of a response.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScanningDescription {
    pub(crate) scan_on_push: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    registry_id: RegistryId,
    repository_name: RepositoryName,
    image_scanning_configuration: ScanningDescription,
}

impl ScanningInput {
    /// Whether images are scanned when they are pushed; not unless the request says so.
    pub(crate) fn scan_on_push(&self) -> bool {
        self.scan_on_push.unwrap_or(false)
    }
}

/// Says whether a repository's images are scanned when they are pushed.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let identity = &call.api.identity;
    let name = named_repository(input.repository_name, input.registry_id, identity)?;
    let scanning = required("imageScanningConfiguration", input.image_scanning_configuration)?;
    let change = RepositoryChange::ScanOnPush(scanning.scan_on_push());
    let scan_on_push = call.change_repository(&name, change).await?.scan_on_push;
    Ok(Output {
        registry_id: identity.registry_id.clone(),
        repository_name: name,
        image_scanning_configuration: ScanningDescription { scan_on_push },
    })
}
