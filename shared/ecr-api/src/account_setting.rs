//! Names of account settings, as requests have them.

use berth_registry::access::{Action, Facts, GateError, RegistryPermit};
use serde::Serialize;

use crate::api::Call;
use crate::parameter::{InvalidParameter, required, text_length};

/// Account setting that can be read and changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(into = "&'static str")]
pub(crate) enum SettingName {
    /// Which scanner makes basic scans: `AWS_NATIVE`, and no other.
    BasicScanTypeVersion,
    /// Whether blobs are mounted.
    BlobMounting,
    /// Which actions the registry's policy is about.
    RegistryPolicyScope,
}

impl From<SettingName> for &'static str {
    fn from(name: SettingName) -> Self {
        name.as_str()
    }
}

impl SettingName {
    const ALL: [Self; 3] =
        [Self::BasicScanTypeVersion, Self::BlobMounting, Self::RegistryPolicyScope];

    /// Returns the name as requests and policies write it.
    fn as_str(self) -> &'static str {
        match self {
            Self::BasicScanTypeVersion => "BASIC_SCAN_TYPE_VERSION",
            Self::BlobMounting => "BLOB_MOUNTING",
            Self::RegistryPolicyScope => "REGISTRY_POLICY_SCOPE",
        }
    }

    /// Asks the gate for an action on the setting, which policies know as `ecr:AccountSetting`.
    pub(crate) async fn permit(
        self,
        call: &Call<'_>,
        action: Action,
    ) -> Result<RegistryPermit, GateError> {
        let account_setting = Some(self.as_str().to_owned());
        let facts = Facts { account_setting, ..call.facts() };
        call.registry_permit_with(action, &facts).await
    }
}

/// The one value of [`SettingName::BasicScanTypeVersion`].
pub(crate) const AWS_NATIVE: &str = "AWS_NATIVE";

/// Parses the parameter `name`, which must be given.
pub(crate) fn setting_name(text: Option<String>) -> Result<SettingName, InvalidParameter> {
    let text = required("name", text)?;
    text_length("name", &text, 1, 64)?;
    let known = SettingName::ALL.into_iter().find(|name| name.as_str() == text);
    known
        .ok_or_else(|| InvalidParameter::choice("name", &SettingName::ALL.map(SettingName::as_str)))
}
