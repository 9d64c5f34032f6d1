//! The data type [EncryptionConfiguration](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_EncryptionConfiguration.html)
//! of requests and responses.

use berth_types::{Encryption, KmsKey};
use serde::{Deserialize, Serialize};

use crate::parameter::{InvalidParameter, required, text_length};

/// How a repository is to be encrypted, as requests say it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EncryptionInput {
    encryption_type: Option<String>,
    kms_key: Option<String>,
}

/// How a repository is encrypted, as responses say it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EncryptionDescription {
    encryption_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key: Option<KmsKey>,
}

/// Parses the parameter `encryptionConfiguration`. Whether the key can be used is another matter.
pub(crate) fn encryption(input: Option<EncryptionInput>) -> Result<Encryption, InvalidParameter> {
    let Some(input) = input else {
        return Ok(Encryption::default());
    };
    let at_key = "encryptionConfiguration.kmsKey";
    let key = input.kms_key.map(|text| {
        text_length(at_key, &text, 1, 2048)?;
        text.parse().map_err(|_| InvalidParameter::new(at_key, "must be the name of a KMS key"))
    });
    let key: Option<KmsKey> = key.transpose()?;
    let at = "encryptionConfiguration.encryptionType";
    match required(at, input.encryption_type)?.as_str() {
        "AES256" if key.is_some() => {
            Err(InvalidParameter::new(at_key, "must not be given when encryptionType is AES256"))
        }
        "AES256" => Ok(Encryption::Aes256),
        "KMS" => Ok(Encryption::Kms(key)),
        "KMS_DSSE" => Ok(Encryption::KmsDsse(key)),
        _ => Err(InvalidParameter::choice(at, &["AES256", "KMS", "KMS_DSSE"])),
    }
}

impl EncryptionDescription {
    /// Describes `encryption`.
    pub(crate) fn new(encryption: &Encryption) -> Self {
        let (encryption_type, kms_key) = match encryption {
            Encryption::Aes256 => ("AES256", None),
            Encryption::Kms(key) => ("KMS", key.clone()),
            Encryption::KmsDsse(key) => ("KMS_DSSE", key.clone()),
        };
        Self { encryption_type, kms_key }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Encryption, String> {
        let input = serde_json::from_str(json).unwrap();
        encryption(input).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn check_refused(json: &str, reason: &str) {
        let message = parse(json).unwrap_err();
        assert!(message.contains(reason), "{message}");
    }

    #[test]
    fn encryption_is_read_and_described() {
        let key: Option<KmsKey> = "alias/images".parse().ok();
        for (json, expected) in [
            (r#"{"encryptionType":"AES256"}"#, Encryption::Aes256),
            (r#"{"encryptionType":"KMS"}"#, Encryption::Kms(None)),
            (r#"{"encryptionType":"KMS","kmsKey":"alias/images"}"#, Encryption::Kms(key.clone())),
            (r#"{"encryptionType":"KMS_DSSE","kmsKey":"alias/images"}"#, Encryption::KmsDsse(key)),
        ] {
            let read = parse(json).unwrap();
            assert_eq!(read, expected);
            let described = EncryptionDescription::new(&read);
            assert_eq!(serde_json::to_string(&described).unwrap(), json);
        }
        assert_eq!(parse("null"), Ok(Encryption::Aes256));
    }

    #[test]
    fn encryption_is_refused() {
        check_refused("{}", "encryptionType' failed to satisfy constraint: 'must not be null'");
        check_refused(
            r#"{"encryptionType":"ROT13"}"#,
            "must satisfy enum value set: [AES256, KMS, KMS_DSSE]",
        );
        check_refused(r#"{"encryptionType":"AES256","kmsKey":"k"}"#, "must not be given when");
        check_refused(r#"{"encryptionType":"KMS","kmsKey":""}"#, "greater than or equal to 1");
        let long = format!(r#"{{"encryptionType":"KMS","kmsKey":"{}"}}"#, "k".repeat(2049));
        check_refused(&long, "less than or equal to 2048");
    }
}
