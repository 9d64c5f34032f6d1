use serde::{Deserialize, Serialize};

use crate::parsed_string::parsed_string;

/// Tag of an image, such as `latest`: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
///
/// Follows the [distribution specification](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tag(String);

/// Error of parsing a [`Tag`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "tag must be 1 to 128 letters, digits, `_`, `.` and `-`, and begin with a letter, digit or `_`"
)]
pub struct ParseTagError;

parsed_string!(Tag, ParseTagError);

impl Tag {
    fn check(text: &str) -> Result<(), ParseTagError> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let valid = text.len() <= 128
            && text.bytes().next().is_some_and(word)
            && text.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-');
        if valid { Ok(()) } else { Err(ParseTagError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, valid: bool) {
        assert_eq!(text.parse::<Tag>().is_ok(), valid, "{text}");
    }

    #[test]
    fn follows_the_grammar() {
        check("latest", true);
        check("v1.2.3-rc_1", true);
        check("_", true);
        check(&"a".repeat(128), true);
        check(&"a".repeat(129), false);
        check("", false);
        check(".hidden", false);
        check("-dash", false);
        check("a/b", false);
        check("sha256:00", false);
        check("ümlaut", false);
    }
}
