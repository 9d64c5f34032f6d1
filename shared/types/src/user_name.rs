use serde::{Deserialize, Serialize};

use crate::parsed_string::parsed_string;

/// Name of a user of the registry: 1 to 64 of `[A-Za-z0-9_+=,.@-]`.
///
/// Follows [IAM identifiers](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-names).
/// A registry has no two users whose names differ in case alone, as in IAM: see
/// [`UserName::folded`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserName(String);

/// Error of parsing a [`UserName`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("user name must be 1 to 64 letters, digits and characters of `_+=,.@-`")]
pub struct ParseUserNameError;

parsed_string!(UserName, ParseUserNameError);

impl UserName {
    fn check(text: &str) -> Result<(), ParseUserNameError> {
        match is_name(text, 64) {
            true => Ok(()),
            false => Err(ParseUserNameError),
        }
    }

    /// Returns the name in lower case, which no other user's name may be in lower case.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// Name of a policy of a user: 1 to 128 of the characters of a [`UserName`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PolicyName(String);

/// Error of parsing a [`PolicyName`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("policy name must be 1 to 128 letters, digits and characters of `_+=,.@-`")]
pub struct ParsePolicyNameError;

parsed_string!(PolicyName, ParsePolicyNameError);

impl PolicyName {
    fn check(text: &str) -> Result<(), ParsePolicyNameError> {
        match is_name(text, 128) {
            true => Ok(()),
            false => Err(ParsePolicyNameError),
        }
    }
}

/// Name of a trust, which says whom of AWS the registry lets in: 1 to 64 of the characters of a
/// [`UserName`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TrustName(String);

/// Error of parsing a [`TrustName`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("trust name must be 1 to 64 letters, digits and characters of `_+=,.@-`")]
pub struct ParseTrustNameError;

parsed_string!(TrustName, ParseTrustNameError);

impl TrustName {
    fn check(text: &str) -> Result<(), ParseTrustNameError> {
        match is_name(text, 64) {
            true => Ok(()),
            false => Err(ParseTrustNameError),
        }
    }
}

fn is_name(text: &str, most: usize) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    (1..=most).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, user: bool, policy: bool) {
        assert_eq!(text.parse::<UserName>().is_ok(), user, "{text}");
        assert_eq!(text.parse::<PolicyName>().is_ok(), policy, "{text}");
        assert_eq!(text.parse::<TrustName>().is_ok(), user, "{text}");
    }

    #[test]
    fn follow_the_grammar() {
        check("kim", true, true);
        check("Kim_+=,.@-7", true, true);
        check("", false, false);
        check("a/b", false, false);
        check("a b", false, false);
        check("a*", false, false);
        check("größe", false, false);
        check(&"k".repeat(64), true, true);
        check(&"k".repeat(65), false, true);
        check(&"k".repeat(128), false, true);
        check(&"k".repeat(129), false, false);
    }
}
