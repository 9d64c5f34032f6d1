//! [PutRegistryScanningConfiguration](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutRegistryScanningConfiguration.html).

use berth_registry::access::Action;
use berth_registry::{ScanFrequency, ScanType, ScanningConfiguration, ScanningRule};
use serde::{Deserialize, Serialize};

use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::{InvalidParameter, length, required};
use crate::repository_filter::{RepositoryFilterInput, SCANNING};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Input {
    scan_type: Option<String>,
    rules: Option<Vec<RuleInput>>,
}

/// The data type [RegistryScanningRule](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_RegistryScanningRule.html)
/// of a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RuleInput {
    scan_frequency: Option<String>,
    repository_filters: Option<Vec<RepositoryFilterInput>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output {
    registry_scanning_configuration: ScanningConfiguration,
}

/// Says how images are scanned. What is not given is as in a new registry.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let scan_type = match input.scan_type.as_deref() {
        None | Some("BASIC") => ScanType::Basic,
        Some("ENHANCED") => ScanType::Enhanced,
        Some(_) => return Err(InvalidParameter::choice("scanType", &["BASIC", "ENHANCED"]).into()),
    };
    let inputs = input.rules.unwrap_or_default();
    length("rules", &inputs, 0, 2)?;
    let mut rules = Vec::with_capacity(inputs.len());
    for (place, input) in (1..).zip(inputs) {
        rules.push(rule(&format!("rules.{place}.member"), input, scan_type)?);
    }
    let configuration = ScanningConfiguration { scan_type, rules };
    let api = call.api;
    let permit = call.registry_permit(Action::PutRegistryScanningConfiguration).await?;
    api.registry.settings.put_scanning(permit, &configuration).await?;
    Ok(Output { registry_scanning_configuration: configuration })
}

fn rule(at: &str, input: RuleInput, scan_type: ScanType) -> Result<ScanningRule, InvalidParameter> {
    let at_frequency = format!("{at}.scanFrequency");
    let scan_frequency = match required(&at_frequency, input.scan_frequency)?.as_str() {
        "CONTINUOUS_SCAN" => ScanFrequency::ContinuousScan,
        "MANUAL" => ScanFrequency::Manual,
        "SCAN_ON_PUSH" => ScanFrequency::ScanOnPush,
        _ => {
            let values = ["CONTINUOUS_SCAN", "MANUAL", "SCAN_ON_PUSH"];
            return Err(InvalidParameter::choice(at_frequency, &values));
        }
    };
    match (scan_type, scan_frequency) {
        (ScanType::Basic, ScanFrequency::ContinuousScan) => {
            let reason = "must not be CONTINUOUS_SCAN when scanType is BASIC";
            return Err(InvalidParameter::new(at_frequency, reason));
        }
        (ScanType::Enhanced, ScanFrequency::Manual) => {
            let reason = "must not be MANUAL when scanType is ENHANCED";
            return Err(InvalidParameter::new(at_frequency, reason));
        }
        _ => {}
    }
    let at = format!("{at}.repositoryFilters");
    let repository_filters = SCANNING.parse(&at, required(&at, input.repository_filters)?, 0)?;
    Ok(ScanningRule { scan_frequency, repository_filters })
}
