//! Names of account settings, as requests have them.

use serde::Serialize;

use crate::parameter::{InvalidParameter, required, text_length};

/// Account setting that can be read and changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum SettingName {
    /// Which scanner makes basic scans: `AWS_NATIVE`, and no other.
    BasicScanTypeVersion,
    /// Whether blobs are mounted.
    BlobMounting,
    /// Which actions the registry's policy is about.
    RegistryPolicyScope,
}

/// The one value of [`SettingName::BasicScanTypeVersion`].
pub(crate) const AWS_NATIVE: &str = "AWS_NATIVE";

/// Parses the parameter `name`, which must be given.
pub(crate) fn setting_name(text: Option<String>) -> Result<SettingName, InvalidParameter> {
    let text = required("name", text)?;
    text_length("name", &text, 1, 64)?;
    match text.as_str() {
        "BASIC_SCAN_TYPE_VERSION" => Ok(SettingName::BasicScanTypeVersion),
        "BLOB_MOUNTING" => Ok(SettingName::BlobMounting),
        "REGISTRY_POLICY_SCOPE" => Ok(SettingName::RegistryPolicyScope),
        _ => {
            let values = ["BASIC_SCAN_TYPE_VERSION", "BLOB_MOUNTING", "REGISTRY_POLICY_SCOPE"];
            Err(InvalidParameter::choice("name", &values))
        }
    }
}
