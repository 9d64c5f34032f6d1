//! [PutAccountSetting](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutAccountSetting.html).

use berth_registry::access::Action;
use berth_registry::{AccountSetting, BlobMounting, RegistryPolicyScope};
use serde::{Deserialize, Serialize};

use crate::account_setting::{AWS_NATIVE, SettingName, setting_name};
use crate::api::Call;
use crate::error::ApiError;
use crate::parameter::{InvalidParameter, required};

#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    name: Option<String>,
    value: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Output {
    name: SettingName,
    value: String,
}

/// Changes an account setting.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let name = setting_name(input.name)?;
    let value = required("value", input.value)?;
    let setting = parse(name, &value)?;
    let permit = name.permit(call, Action::PutAccountSetting).await?;
    if let Some(setting) = setting {
        call.api.registry.settings.put_account_setting(permit, setting).await?;
    }
    Ok(Output { name, value })
}

/// Parses a value; `None` for a setting that has but one.
fn parse(name: SettingName, value: &str) -> Result<Option<AccountSetting>, InvalidParameter> {
    let scope = |scope| Ok(Some(AccountSetting::RegistryPolicyScope(scope)));
    let mounting = |mounting| Ok(Some(AccountSetting::BlobMounting(mounting)));
    match (name, value) {
        (SettingName::BasicScanTypeVersion, AWS_NATIVE) => Ok(None),
        (SettingName::BlobMounting, "ENABLED") => mounting(BlobMounting::Enabled),
        (SettingName::BlobMounting, "DISABLED") => mounting(BlobMounting::Disabled),
        (SettingName::RegistryPolicyScope, "V1") => scope(RegistryPolicyScope::V1),
        (SettingName::RegistryPolicyScope, "V2") => scope(RegistryPolicyScope::V2),
        (SettingName::BasicScanTypeVersion, _) => {
            Err(InvalidParameter::choice("value", &[AWS_NATIVE]))
        }
        (SettingName::BlobMounting, _) => {
            Err(InvalidParameter::choice("value", &["DISABLED", "ENABLED"]))
        }
        (SettingName::RegistryPolicyScope, _) => {
            Err(InvalidParameter::choice("value", &["V1", "V2"]))
        }
    }
}
