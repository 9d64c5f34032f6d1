use serde::{Deserialize, Serialize};

use crate::parsed_string::parsed_string;

/// ARN of a secret that holds the credentials of an upstream registry, such as
/// `arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf`.
///
/// Follows the pattern of [CreatePullThroughCacheRule](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CredentialArn(String);

/// Error of parsing a [`CredentialArn`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseCredentialArnError {
    /// It is too short or too long.
    #[error("ARN of a secret has {0} characters, expected 50 to 612")]
    Length(usize),
    /// It is no ARN of such a secret.
    #[error("ARN of a secret must be that of one whose name begins with `ecr-pullthroughcache/`")]
    Form,
}

parsed_string!(CredentialArn, ParseCredentialArnError);

impl CredentialArn {
    /// Whether the secret lies in `region` and `account`, as far as its ARN says.
    #[must_use]
    pub fn lies_in(&self, region: &str, account: &str) -> bool {
        let mut parts = self.0.split(':').skip(3);
        (parts.next(), parts.next()) == (Some(region), Some(account))
    }

    fn check(text: &str) -> Result<(), ParseCredentialArnError> {
        let length = text.chars().count();
        if !(50..=612).contains(&length) {
            return Err(ParseCredentialArnError::Length(length));
        }
        let parts: Vec<_> = text.split(':').collect();
        let ["arn", partition, "secretsmanager", region, account, "secret", name] =
            parts.as_slice()
        else {
            return Err(ParseCredentialArnError::Form);
        };
        let is_word =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_name = |text: &str| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte);
            !text.is_empty() && text.bytes().all(allowed)
        };
        let name = name.strip_prefix("ecr-pullthroughcache/");
        let fits = partition.starts_with("aws")
            && [partition, region, account].iter().all(|part| is_word(part))
            && name.is_some_and(is_name);
        match fits {
            true => Ok(()),
            false => Err(ParseCredentialArnError::Form),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, valid: bool) {
        assert_eq!(text.parse::<CredentialArn>().is_ok(), valid, "{text}");
    }

    #[test]
    fn follows_the_pattern() {
        let arn = |rest: &str| format!("arn:aws:secretsmanager:us-east-1:123456789012:{rest}");
        check(&arn("secret:ecr-pullthroughcache/hub-AbCdEf"), true);
        check(&arn("secret:ecr-pullthroughcache/a/b_c+d=e.f@g"), true);
        check(&arn("secret:ecr-pullthroughcache/"), false);
        check(&arn("secret:hub-AbCdEfGhIj"), false);
        check(&arn("key:ecr-pullthroughcache/hub"), false);
        check(&arn(&format!("secret:ecr-pullthroughcache/{}", "a".repeat(600))), false);
        check("arn:aws:s3:::ecr-pullthroughcache/hub", false);
    }

    #[test]
    fn secrets_lie_somewhere() {
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub";
        let arn: CredentialArn = arn.parse().unwrap();
        assert!(arn.lies_in("us-east-1", "123456789012"));
        assert!(!arn.lies_in("eu-west-1", "123456789012"));
        assert!(!arn.lies_in("us-east-1", "111122223333"));
    }
}
