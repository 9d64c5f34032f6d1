use serde::{Deserialize, Serialize};

use crate::parsed_string::parsed_string;

/// Id of an upload session: a UUID in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UploadId(String);

/// Error of parsing an [`UploadId`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("upload id must be a lower-case UUID")]
pub struct ParseUploadIdError;

parsed_string!(UploadId, ParseUploadIdError);

impl UploadId {
    fn check(text: &str) -> Result<(), ParseUploadIdError> {
        let valid_at = |(index, byte): (usize, u8)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        };
        let valid = text.len() == 36 && text.bytes().enumerate().all(valid_at);
        if valid { Ok(()) } else { Err(ParseUploadIdError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_grammar() {
        assert!("0b6f1d3e-58a1-4d0c-9c7e-1f2a3b4c5d6e".parse::<UploadId>().is_ok());
        assert!("0B6F1D3E-58a1-4d0c-9c7e-1f2a3b4c5d6e".parse::<UploadId>().is_err());
        assert!("0b6f1d3e58a14d0c9c7e1f2a3b4c5d6e".parse::<UploadId>().is_err());
        assert!("../../etc/passwd".parse::<UploadId>().is_err());
    }
}
