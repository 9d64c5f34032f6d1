//! Filters of repositories, as the registry's settings have them.

use berth_registry::{FilterType, RepositoryFilter};
use serde::Deserialize;

use crate::parameter::{InvalidParameter, length, required, text_length};

/// The most filters of a rule.
const MOST: usize = 100;

/// The data types [RepositoryFilter](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_RepositoryFilter.html),
/// `ScanningRepositoryFilter` and `SigningRepositoryFilter` of a request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RepositoryFilterInput {
    filter: Option<String>,
    filter_type: Option<String>,
}

/// What filters of one kind are like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FilterKind {
    filter_type: FilterType,
    /// What the API calls the type.
    name: &'static str,
    /// Fewest and most characters.
    characters: (usize, usize),
    pattern: &'static str,
    matches: fn(&str) -> bool,
}

/// Filters of replication rules.
pub(crate) const REPLICATION: FilterKind = FilterKind {
    filter_type: FilterType::PrefixMatch,
    name: "PREFIX_MATCH",
    characters: (2, 256),
    pattern: "^(?:[a-z0-9]+(?:[._-][a-z0-9]*)*/)*[a-z0-9]*(?:[._-][a-z0-9]*)*$",
    matches: is_prefix,
};

/// Filters of scanning rules.
pub(crate) const SCANNING: FilterKind = FilterKind {
    filter_type: FilterType::Wildcard,
    name: "WILDCARD",
    characters: (1, 255),
    pattern: r"^[a-z0-9*](?:[._\-/a-z0-9*]?[a-z0-9*]+)*$",
    matches: is_wildcard,
};

/// Filters of signing rules.
pub(crate) const SIGNING: FilterKind = FilterKind {
    filter_type: FilterType::WildcardMatch,
    name: "WILDCARD_MATCH",
    characters: (1, 256),
    pattern: "^(?:[a-z0-9*]+(?:[._-][a-z0-9*]+)*/)*[a-z0-9*]+(?:[._-][a-z0-9*]+)*$",
    matches: is_wildcard,
};

impl FilterKind {
    /// Parses the filters of a rule, at least `least` of them.
    pub(crate) fn parse(
        self,
        at: &str,
        inputs: Vec<RepositoryFilterInput>,
        least: usize,
    ) -> Result<Vec<RepositoryFilter>, InvalidParameter> {
        length(at, &inputs, least, MOST)?;
        let mut filters = Vec::with_capacity(inputs.len());
        for (place, input) in (1..).zip(inputs) {
            filters.push(self.parse_one(&format!("{at}.{place}.member"), input)?);
        }
        Ok(filters)
    }

    fn parse_one(
        self,
        at: &str,
        input: RepositoryFilterInput,
    ) -> Result<RepositoryFilter, InvalidParameter> {
        let at_type = format!("{at}.filterType");
        if required(&at_type, input.filter_type)? != self.name {
            return Err(InvalidParameter::choice(at_type, &[self.name]));
        }
        let at = format!("{at}.filter");
        let filter = required(&at, input.filter)?;
        let (least, most) = self.characters;
        text_length(&at, &filter, least, most)?;
        match (self.matches)(&filter) {
            true => Ok(RepositoryFilter { filter, filter_type: self.filter_type }),
            false => Err(InvalidParameter::pattern(at, self.pattern)),
        }
    }
}

fn is_alphanumeric(character: char) -> bool {
    character.is_ascii_lowercase() || character.is_ascii_digit()
}

/// Whether a text may begin a repository's name: every component that is complete begins with a
/// letter or digit.
fn is_prefix(text: &str) -> bool {
    let (complete, _) = text.rsplit_once('/').unwrap_or(("a", ""));
    let allowed = |character| is_alphanumeric(character) || "._-/".contains(character);
    text.chars().all(allowed) && complete.split('/').all(|part| part.starts_with(is_alphanumeric))
}

/// Whether a text has letters, digits and wildcards, with single separators between them.
fn is_wildcard(text: &str) -> bool {
    let allowed = |character| is_alphanumeric(character) || character == '*';
    text.split(['.', '_', '-', '/']).all(|part| !part.is_empty() && part.chars().all(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_follow_the_pattern() {
        for text in ["prod", "prod/", "a/b-", "a_./b", "..", "a/", "1/2"] {
            assert!(is_prefix(text), "{text}");
        }
        for text in ["/a", "a//b", "a/_b/c", "A", "a b", "prod*", "//"] {
            assert!(!is_prefix(text), "{text}");
        }
    }

    #[test]
    fn wildcards_follow_the_pattern() {
        for text in ["*", "prod*", "*/app", "a.b_c-d/e", "a**"] {
            assert!(is_wildcard(text), "{text}");
        }
        for text in ["", "/a", "a/", "a--b", "a-/b", "A", "a b"] {
            assert!(!is_wildcard(text), "{text}");
        }
    }

    #[test]
    fn filters_are_counted() {
        let many = |count: usize| {
            let filter = || RepositoryFilterInput {
                filter: Some("prod".to_owned()),
                filter_type: Some("PREFIX_MATCH".to_owned()),
            };
            (0..count).map(|_| filter()).collect()
        };
        assert!(REPLICATION.parse("f", many(100), 1).is_ok());
        assert!(REPLICATION.parse("f", many(101), 1).is_err());
        assert!(REPLICATION.parse("f", many(0), 1).is_err());
        assert!(SCANNING.parse("f", many(0), 0).is_ok());
        assert!(SCANNING.parse("f", many(1), 0).is_err());
    }
}
