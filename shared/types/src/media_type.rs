use serde::{Deserialize, Serialize};

use crate::parsed_string::parsed_string;

/// Media type without parameters, such as `application/vnd.oci.image.manifest.v1+json`.
///
/// Follows [RFC 6838, section 4.2](https://www.rfc-editor.org/rfc/rfc6838#section-4.2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediaType(String);

/// Error of parsing a [`MediaType`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("media type must be `type/subtype` of at most 127 characters each")]
pub struct ParseMediaTypeError;

parsed_string!(MediaType, ParseMediaTypeError);

impl MediaType {
    fn check(text: &str) -> Result<(), ParseMediaTypeError> {
        let valid = text.split_once('/').is_some_and(|(kind, name)| is_name(kind) && is_name(name));
        if valid { Ok(()) } else { Err(ParseMediaTypeError) }
    }

    /// Parses a `Content-Type` header, and leaves its parameters out.
    pub fn from_content_type(header: &str) -> Result<Self, ParseMediaTypeError> {
        header.split(';').next().unwrap_or_default().trim().parse()
    }
}

fn is_name(text: &str) -> bool {
    let starts_well = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
    starts_well && text.len() <= 127 && text.bytes().all(allowed)
}

/// The media types that a registry treats specially.
pub mod media_types {
    /// OCI image manifest.
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// OCI image index.
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// Docker image manifest, schema 2.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker manifest list.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// Docker image manifest, schema 1, which is refused.
    pub const DOCKER_SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+json";
    /// Signed Docker image manifest, schema 1, which is refused.
    pub const DOCKER_SCHEMA1_SIGNED: &str =
        "application/vnd.docker.distribution.manifest.v1+prettyjws";
    /// Begin of the OCI layers whose bytes a registry need not hold.
    pub const OCI_NONDISTRIBUTABLE: &str = "application/vnd.oci.image.layer.nondistributable.";
    /// Begin of the Docker layers whose bytes a registry need not hold.
    pub const DOCKER_FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_grammar() {
        assert!(media_types::OCI_MANIFEST.parse::<MediaType>().is_ok());
        assert!("text".parse::<MediaType>().is_err());
        assert!("text/".parse::<MediaType>().is_err());
        assert!("text/a b".parse::<MediaType>().is_err());
        assert!("text/a\r\nb".parse::<MediaType>().is_err());
    }

    #[test]
    fn leaves_parameters_out() {
        let parsed = MediaType::from_content_type("application/json; charset=utf-8").unwrap();
        assert_eq!(parsed.as_str(), "application/json");
        assert!(MediaType::from_content_type("").is_err());
    }
}
