//! [BatchGetRepositoryScanningConfiguration](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetRepositoryScanningConfiguration.html).

use berth_registry::access::Action;
use berth_registry::{RepositoryFilter, ScanFrequency};
use berth_types::{RepositoryArn, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::messages::repository_unknown;
use crate::parameter::{length, repository_name, required};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    repository_names: Option<Vec<String>>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    scanning_configurations: Vec<Configuration>,
    failures: Vec<Failure>,
}

/// The data type [RepositoryScanningConfiguration](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_RepositoryScanningConfiguration.html).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    repository_arn: String,
    repository_name: RepositoryName,
    scan_on_push: bool,
    scan_frequency: ScanFrequency,
    applied_scan_filters: Vec<RepositoryFilter>,
}

/// The data type [RepositoryScanningConfigurationFailure](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_RepositoryScanningConfigurationFailure.html).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    repository_name: RepositoryName,
    #[serde(rename = "failureCode")]
    code: &'static str,
    #[serde(rename = "failureReason")]
    reason: String,
}

/// Returns how the images of repositories are scanned.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let api = call.api;
    let at = "repositoryNames";
    let names = required(at, input.repository_names)?;
    length(at, &names, 1, 25)?;
    let mut permits = Vec::with_capacity(names.len());
    for (place, name) in (1..).zip(names) {
        let name = repository_name(&format!("{at}.{place}.member"), name)?;
        let action = Action::BatchGetRepositoryScanningConfiguration;
        permits.push(call.permit(action, &name).await?);
    }
    let found = api.registry.settings.repository_scanning(&permits).await?;
    let mut output = Output::default();
    for (permit, scanning) in permits.iter().zip(found) {
        let repository_name = permit.name().clone();
        match scanning {
            Some(scanning) => output.scanning_configurations.push(Configuration {
                repository_arn: arn(call, &repository_name),
                repository_name,
                scan_on_push: scanning.frequency != ScanFrequency::Manual,
                scan_frequency: scanning.frequency,
                applied_scan_filters: scanning.applied,
            }),
            None => output.failures.push(Failure {
                code: "REPOSITORY_NOT_FOUND",
                reason: repository_unknown(&repository_name, &api.identity.registry_id),
                repository_name,
            }),
        }
    }
    Ok(output)
}

fn arn(call: &Call<'_>, name: &RepositoryName) -> String {
    let identity = &call.api.identity;
    let (region, registry) = (identity.region.clone(), identity.registry_id.clone());
    RepositoryArn { region, registry, name: name.clone() }.to_string()
}
