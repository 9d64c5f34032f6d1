use serde::{Deserialize, Serialize};

use crate::parsed_string::parsed_string;

/// Id of an access key of a user: 16 to 128 letters, digits and `_`.
///
/// Follows [AccessKey](https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccessKeyId(String);

/// Error of parsing an [`AccessKeyId`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("access key id must be 16 to 128 letters, digits and `_`")]
pub struct ParseAccessKeyIdError;

parsed_string!(AccessKeyId, ParseAccessKeyIdError);

impl AccessKeyId {
    fn check(text: &str) -> Result<(), ParseAccessKeyIdError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        match (16..=128).contains(&text.len()) && text.bytes().all(allowed) {
            true => Ok(()),
            false => Err(ParseAccessKeyIdError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_grammar() {
        assert!("BRTHABCDEFGH23456789".parse::<AccessKeyId>().is_ok());
        assert!("AKIA".parse::<AccessKeyId>().is_err());
        assert!("BRTHABCDEFGH2345/789".parse::<AccessKeyId>().is_err());
        assert!("A".repeat(129).parse::<AccessKeyId>().is_err());
    }
}
