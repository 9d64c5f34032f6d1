//! How the repositories of a template are encrypted, as requests say it.

use berth_types::{Encryption, RegistryId};

use crate::encryption_configuration::{EncryptionInput, encryption};
use crate::parameter::InvalidParameter;

/// Pattern that ECR's API reference gives for the keys of templates.
const KEY_ARN: &str = r"^$|arn:aws[a-z0-9-]*:kms:[a-z0-9-]+:[0-9]{12}:key\/[a-z0-9-]+";

/// Parses the parameter `encryptionConfiguration` of a template, where a key is named by its ARN.
pub(crate) fn template_encryption(input: EncryptionInput) -> Result<Encryption, InvalidParameter> {
    let encryption = encryption(Some(input))?;
    match &encryption {
        Encryption::Kms(Some(key)) | Encryption::KmsDsse(Some(key))
            if !is_key_arn(key.as_str()) =>
        {
            Err(InvalidParameter::pattern("encryptionConfiguration.kmsKey", KEY_ARN))
        }
        _ => Ok(encryption),
    }
}

/// Whether a text matches [`KEY_ARN`], the empty text aside.
fn is_key_arn(text: &str) -> bool {
    let parts: Vec<_> = text.split(':').collect();
    let ["arn", partition, "kms", region, account, key] = parts.as_slice() else { return false };
    let is_word = |text: &str| {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !text.is_empty() && text.bytes().all(allowed)
    };
    partition.starts_with("aws")
        && [*partition, *region].into_iter().all(is_word)
        && account.parse::<RegistryId>().is_ok()
        && key.strip_prefix("key/").is_some_and(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_by_their_arn() {
        let parse = |key: &str| {
            let json = format!(r#"{{"encryptionType": "KMS", "kmsKey": "{key}"}}"#);
            template_encryption(serde_json::from_str(&json).unwrap()).ok()
        };
        let arn = "arn:aws:kms:us-east-1:123456789012:key/0a1b-2c3d";
        assert_eq!(parse(arn), Some(Encryption::Kms(arn.parse().ok())));
        for key in ["alias/a", "0a1b", "arn:aws:kms:us-east-1:1234:key/a", &arn.replace("key", "K")]
        {
            assert_eq!(parse(key), None, "{key}");
        }
    }
}
