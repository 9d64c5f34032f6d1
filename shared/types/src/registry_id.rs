use serde::{Deserialize, Serialize};

use crate::parsed_string::parsed_string;

/// Id of a registry: the account that owns it, 12 digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RegistryId(String);

/// Error of parsing a [`RegistryId`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("registry id must be 12 digits")]
pub struct ParseRegistryIdError;

parsed_string!(RegistryId, ParseRegistryIdError);

impl RegistryId {
    fn check(text: &str) -> Result<(), ParseRegistryIdError> {
        let valid = text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        if valid { Ok(()) } else { Err(ParseRegistryIdError) }
    }
}

/// Name of the region that a registry stands in, such as `us-east-1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(String);

/// Error of parsing a [`Region`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("region must be 1 to 32 lower-case letters, digits and `-`")]
pub struct ParseRegionError;

parsed_string!(Region, ParseRegionError);

impl Region {
    fn check(text: &str) -> Result<(), ParseRegionError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let valid = (1..=32).contains(&text.len()) && text.bytes().all(allowed);
        if valid { Ok(()) } else { Err(ParseRegionError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_grammar() {
        assert!("123456789012".parse::<RegistryId>().is_ok());
        assert!("12345678901".parse::<RegistryId>().is_err());
        assert!("12345678901x".parse::<RegistryId>().is_err());
        assert!("us-east-1".parse::<Region>().is_ok());
        assert!("US".parse::<Region>().is_err());
        assert!("".parse::<Region>().is_err());
    }
}
