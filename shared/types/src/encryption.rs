use serde::{Deserialize, Serialize};

use crate::parsed_string::parsed_string;

/// How a repository's content is encrypted at rest.
///
/// Follows ECR's [EncryptionConfiguration](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_EncryptionConfiguration.html).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encryption {
    /// By the store itself: SSE-S3 in AWS, the disk's own encryption on a laptop.
    #[default]
    Aes256,
    /// By a KMS key, or by the store's own KMS key if none is named.
    Kms(Option<KmsKey>),
    /// Twice, by a KMS key (DSSE-KMS), or by the store's own KMS key if none is named.
    KmsDsse(Option<KmsKey>),
}

/// Name of a KMS key: its id, its ARN, or an alias; 1 to 2,048 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KmsKey(String);

/// Error of parsing a [`KmsKey`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("name of a KMS key has {0} characters, expected 1 to 2048")]
pub struct ParseKmsKeyError(usize);

const LONGEST: usize = 2048;

parsed_string!(KmsKey, ParseKmsKeyError);

impl KmsKey {
    fn check(text: &str) -> Result<(), ParseKmsKeyError> {
        match text.chars().count() {
            1..=LONGEST => Ok(()),
            length => Err(ParseKmsKeyError(length)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_a_name() {
        assert_eq!("".parse::<KmsKey>(), Err(ParseKmsKeyError(0)));
        assert_eq!("k".repeat(2049).parse::<KmsKey>(), Err(ParseKmsKeyError(2049)));
        assert_eq!("alias/berth".parse::<KmsKey>().unwrap().as_str(), "alias/berth");
    }
}
