use serde::{Deserialize, Serialize};

use crate::RegistryId;
use crate::parsed_string::parsed_string;

/// ARN of an IAM user or role, such as `arn:aws:iam::123456789012:role/ci`.
///
/// Follows the pattern of [RegisterPullTimeUpdateExclusion](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_RegisterPullTimeUpdateExclusion.html).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PrincipalArn(String);

/// Error of parsing a [`PrincipalArn`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParsePrincipalArnError {
    /// It is too long.
    #[error("ARN of a principal has more than 200 characters")]
    Length,
    /// It is no ARN of a user or role.
    #[error("ARN of a principal must be `arn:aws:iam::ACCOUNT:role/NAME` or `…:user/NAME`")]
    Form,
}

parsed_string!(PrincipalArn, ParsePrincipalArnError);

impl PrincipalArn {
    fn check(text: &str) -> Result<(), ParsePrincipalArnError> {
        if text.chars().count() > 200 {
            return Err(ParsePrincipalArnError::Length);
        }
        let parts: Vec<_> = text.split(':').collect();
        let ["arn", partition, "iam", "", account, resource] = parts.as_slice() else {
            return Err(ParsePrincipalArnError::Form);
        };
        let is_account = account.parse::<RegistryId>().is_ok();
        let path = resource.strip_prefix("role/").or_else(|| resource.strip_prefix("user/"));
        let is_named = path.is_some_and(|path| path.split('/').all(is_name));
        match is_partition(partition) && is_account && is_named {
            true => Ok(()),
            false => Err(ParsePrincipalArnError::Form),
        }
    }
}

/// Whether a text is `aws` and parts such as `-cn` and `-us-gov`.
fn is_partition(text: &str) -> bool {
    let mut parts = text.split('-');
    let is_word = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    parts.next() == Some("aws") && parts.all(is_word)
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, valid: bool) {
        assert_eq!(text.parse::<PrincipalArn>().is_ok(), valid, "{text}");
    }

    #[test]
    fn follows_the_pattern() {
        check("arn:aws:iam::123456789012:role/ci", true);
        check("arn:aws:iam::123456789012:user/team/a_b+c=d,e.f@g-h", true);
        check("arn:aws-us-gov:iam::123456789012:role/ci", true);
        check("arn:aws-:iam::123456789012:role/ci", false);
        check("arn:gcp:iam::123456789012:role/ci", false);
        check("arn:aws:iam::123456789012:root", false);
        check("arn:aws:iam::123456789012:group/ci", false);
        check("arn:aws:iam::123456789012:role/", false);
        check("arn:aws:iam::123456789012:role//ci", false);
        check("arn:aws:iam::123456789012:role/ü", false);
        check("arn:aws:iam::12:role/ci", false);
        check("arn:aws:iam:us-east-1:123456789012:role/ci", false);
        check("arn:aws:sts::123456789012:role/ci", false);
        check("", false);
        let long = format!("arn:aws:iam::123456789012:role/{}", "a".repeat(200 - 31));
        check(&long, true);
        check(&(long + "a"), false);
    }
}
