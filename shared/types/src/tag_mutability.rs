use serde::{Deserialize, Serialize};

use crate::Tag;
use crate::parsed_string::parsed_string;

/// Whether a repository's tags may move to another image.
///
/// Follows [PutImageTagMutability](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImageTagMutability.html).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagMutability {
    setting: TagMutabilitySetting,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    exclusions: Vec<ExclusionFilter>,
}

/// The four values of ECR's `imageTagMutability`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TagMutabilitySetting {
    /// Every tag may move.
    #[default]
    Mutable,
    /// No tag moves.
    Immutable,
    /// No tag moves, except those that a filter matches.
    ImmutableWithExclusion,
    /// Every tag may move, except those that a filter matches.
    MutableWithExclusion,
}

/// Error of [`TagMutability::new`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagMutabilityError {
    /// A setting with exclusions came without filters.
    #[error("the setting needs 1 to 5 exclusion filters")]
    FiltersMissing,
    /// A setting without exclusions came with filters.
    #[error("exclusion filters need a setting with exclusion")]
    FiltersUnexpected,
}

/// The most filters that a repository may have.
const MOST_FILTERS: usize = 5;

impl TagMutability {
    /// Checks that `setting` and `exclusions` fit each other.
    pub fn new(
        setting: TagMutabilitySetting,
        exclusions: Vec<ExclusionFilter>,
    ) -> Result<Self, TagMutabilityError> {
        use TagMutabilitySetting::{
            Immutable, ImmutableWithExclusion, Mutable, MutableWithExclusion,
        };
        match setting {
            Mutable | Immutable if !exclusions.is_empty() => {
                Err(TagMutabilityError::FiltersUnexpected)
            }
            ImmutableWithExclusion | MutableWithExclusion
                if !(1..=MOST_FILTERS).contains(&exclusions.len()) =>
            {
                Err(TagMutabilityError::FiltersMissing)
            }
            _ => Ok(Self { setting, exclusions }),
        }
    }

    /// Returns the setting.
    #[must_use]
    pub fn setting(&self) -> TagMutabilitySetting {
        self.setting
    }

    /// Returns the filters; none unless the setting is one with exclusions.
    #[must_use]
    pub fn exclusions(&self) -> &[ExclusionFilter] {
        &self.exclusions
    }

    /// Whether `tag`, once given, may move to another image.
    #[must_use]
    pub fn may_move(&self, tag: &Tag) -> bool {
        let excluded = self.exclusions.iter().any(|filter| filter.matches(tag));
        match self.setting {
            TagMutabilitySetting::Mutable => true,
            TagMutabilitySetting::Immutable => false,
            TagMutabilitySetting::ImmutableWithExclusion => excluded,
            TagMutabilitySetting::MutableWithExclusion => !excluded,
        }
    }
}

impl Default for TagMutability {
    fn default() -> Self {
        Self { setting: TagMutabilitySetting::Mutable, exclusions: Vec::new() }
    }
}

/// Wildcard filter over tags, such as `dev-*`: at most two `*`, each for any run of characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExclusionFilter(String);

/// Error of parsing an [`ExclusionFilter`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseExclusionFilterError {
    /// The filter is empty, too long, or has a character that no tag has.
    #[error("exclusion filter must be 1 to 128 letters, digits, `_`, `.`, `-` and `*`")]
    Text,
    /// The filter has too many wildcards.
    #[error("exclusion filter has {0} wildcards, expected at most 2")]
    Wildcards(usize),
}

parsed_string!(ExclusionFilter, ParseExclusionFilterError);

impl ExclusionFilter {
    fn check(text: &str) -> Result<(), ParseExclusionFilterError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-*".contains(&byte);
        if !(1..=128).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(ParseExclusionFilterError::Text);
        }
        match text.bytes().filter(|byte| *byte == b'*').count() {
            0..=2 => Ok(()),
            wildcards => Err(ParseExclusionFilterError::Wildcards(wildcards)),
        }
    }

    /// Whether the whole of `tag` matches.
    #[must_use]
    pub fn matches(&self, tag: &Tag) -> bool {
        let mut parts = self.0.split('*');
        let begin = parts.next().unwrap_or_default();
        let Some(mut rest) = tag.as_str().strip_prefix(begin) else {
            return false;
        };
        let Some(end) = parts.next_back() else {
            return rest.is_empty();
        };
        for part in parts {
            let Some(at) = rest.find(part) else {
                return false;
            };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(filter: &str, tag: &str, matches: bool) {
        let filter: ExclusionFilter = filter.parse().unwrap();
        assert_eq!(filter.matches(&tag.parse().unwrap()), matches, "{filter} {tag}");
    }

    #[test]
    fn filters_match_whole_tags() {
        check("latest", "latest", true);
        check("latest", "latest2", false);
        check("dev-*", "dev-1", true);
        check("dev-*", "my-dev-1", false);
        check("*-rc", "v1-rc", true);
        check("*-rc", "v1-rc2", false);
        check("a*c", "abc", true);
        check("a*c", "ac", true);
        check("ab*ba", "aba", false);
        check("*mid*", "amidst", true);
        check("*mid*", "mdi", false);
        check("a*b*", "axbx", true);
        check("**", "anything", true);
    }

    #[test]
    fn filters_are_bounded() {
        let parse = |text: &str| text.parse::<ExclusionFilter>();
        assert_eq!(parse("*a*b*"), Err(ParseExclusionFilterError::Wildcards(3)));
        assert_eq!(parse(""), Err(ParseExclusionFilterError::Text));
        assert_eq!(parse("a/b"), Err(ParseExclusionFilterError::Text));
    }

    #[test]
    fn exclusions_turn_the_setting_round() {
        let filters = || vec!["dev-*".parse().unwrap()];
        let tag = |text: &str| text.parse::<Tag>().unwrap();
        let excluded = |setting| TagMutability::new(setting, filters()).unwrap();
        let immutable = excluded(TagMutabilitySetting::ImmutableWithExclusion);
        assert!(immutable.may_move(&tag("dev-1")) && !immutable.may_move(&tag("v1")));
        let mutable = excluded(TagMutabilitySetting::MutableWithExclusion);
        assert!(!mutable.may_move(&tag("dev-1")) && mutable.may_move(&tag("v1")));
    }

    #[test]
    fn setting_and_filters_fit() {
        let none = TagMutability::new(TagMutabilitySetting::ImmutableWithExclusion, Vec::new());
        assert_eq!(none, Err(TagMutabilityError::FiltersMissing));
        let filters = vec!["a".parse().unwrap()];
        let some = TagMutability::new(TagMutabilitySetting::Immutable, filters);
        assert_eq!(some, Err(TagMutabilityError::FiltersUnexpected));
    }
}
