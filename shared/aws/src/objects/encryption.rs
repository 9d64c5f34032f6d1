//! How an object is encrypted at rest, in S3's words.

use aws_sdk_s3::types::ServerSideEncryption;
use berth_types::{Encryption, KmsKey};

/// The three settings of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) algorithm: ServerSideEncryption,
    pub(super) key: Option<String>,
    /// A bucket key saves a call to KMS for each object. S3 has none for DSSE-KMS.
    pub(super) bucket_key: Option<bool>,
}

impl Settings {
    /// Returns what `encryption` is in S3. `default` is the key where none is named; without it
    /// S3 takes the account's own key for S3, `aws/s3`, not the bucket's.
    pub(super) fn new(encryption: &Encryption, default: Option<&str>) -> Self {
        let key = |named: &Option<KmsKey>| {
            named.as_ref().map(KmsKey::as_str).or(default).map(str::to_owned)
        };
        match encryption {
            Encryption::Aes256 => {
                Self { algorithm: ServerSideEncryption::Aes256, key: None, bucket_key: None }
            }
            Encryption::Kms(named) => Self {
                algorithm: ServerSideEncryption::AwsKms,
                key: key(named),
                bucket_key: Some(true),
            },
            Encryption::KmsDsse(named) => Self {
                algorithm: ServerSideEncryption::AwsKmsDsse,
                key: key(named),
                bucket_key: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_where_s3_has_them() {
        let named: KmsKey = "alias/named".parse().unwrap();
        let check = |encryption, algorithm: &str, key: Option<&str>, bucket_key| {
            let settings = Settings::new(&encryption, Some("alias/default"));
            assert_eq!(settings.algorithm.as_str(), algorithm);
            assert_eq!((settings.key.as_deref(), settings.bucket_key), (key, bucket_key));
        };
        check(Encryption::Aes256, "AES256", None, None);
        check(Encryption::Kms(Some(named.clone())), "aws:kms", Some("alias/named"), Some(true));
        check(Encryption::Kms(None), "aws:kms", Some("alias/default"), Some(true));
        check(Encryption::KmsDsse(Some(named)), "aws:kms:dsse", Some("alias/named"), None);
        check(Encryption::KmsDsse(None), "aws:kms:dsse", Some("alias/default"), None);
        assert_eq!(Settings::new(&Encryption::Kms(None), None).key, None);
    }
}
