//! [GetAccountSetting](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAccountSetting.html).

use berth_registry::access::Action;
use berth_registry::{BlobMounting, RegistryPolicyScope};
use serde::{Deserialize, Serialize};

use crate::account_setting::{AWS_NATIVE, SettingName, setting_name};
use crate::api::Call;
use crate::error::ApiError;

#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    name: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Output {
    name: SettingName,
    value: &'static str,
}

/// Returns the value of an account setting.
pub(crate) async fn run(call: &Call<'_>, input: Input) -> Result<Output, ApiError> {
    let name = setting_name(input.name)?;
    let permit = name.permit(call, Action::GetAccountSetting).await?;
    let settings = &call.api.registry.settings;
    let value = match name {
        SettingName::BasicScanTypeVersion => AWS_NATIVE,
        SettingName::BlobMounting => match settings.blob_mounting(permit).await? {
            BlobMounting::Enabled => "ENABLED",
            BlobMounting::Disabled => "DISABLED",
        },
        SettingName::RegistryPolicyScope => match settings.registry_policy_scope(permit).await? {
            RegistryPolicyScope::V1 => "V1",
            RegistryPolicyScope::V2 => "V2",
        },
    };
    Ok(Output { name, value })
}
