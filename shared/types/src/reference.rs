use crate::{Digest, ParseDigestError, Tag};

/// What a manifest is asked for by: its tag or its digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// By tag.
    Tag(Tag),
    /// By digest.
    Digest(Digest),
}

/// Error of parsing a [`Reference`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseReferenceError {
    /// The text has a colon, but is no digest.
    #[error(transparent)]
    Digest(#[from] ParseDigestError),
    /// The text is neither a digest nor a tag.
    #[error("`{0}` is neither a tag nor a digest")]
    Neither(String),
}

impl Reference {
    /// Returns the tag, if it is one.
    #[must_use]
    pub fn tag(&self) -> Option<&Tag> {
        match self {
            Self::Tag(tag) => Some(tag),
            Self::Digest(_) => None,
        }
    }
}

impl std::str::FromStr for Reference {
    type Err = ParseReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains(':') {
            return Ok(Self::Digest(text.parse()?));
        }
        let neither = |_| ParseReferenceError::Neither(text.chars().take(128).collect());
        text.parse().map(Self::Tag).map_err(neither)
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_tags_from_digests() {
        assert!(matches!("latest".parse(), Ok(Reference::Tag(_))));
        let digest = format!("sha256:{}", "0".repeat(64));
        assert!(matches!(digest.parse(), Ok(Reference::Digest(_))));
        assert_eq!(
            "sha256:0".parse::<Reference>(),
            Err(ParseDigestError::Hash("sha256", 64).into())
        );
        let neither = ParseReferenceError::Neither("a/b".into());
        assert_eq!("a/b".parse::<Reference>(), Err(neither));
    }
}
