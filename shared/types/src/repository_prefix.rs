use serde::{Deserialize, Serialize};

use crate::RepositoryName;
use crate::parsed_string::parsed_string;
use crate::repository_name::is_component;

/// Begin of repositories' names, such as `prod` of `prod/app`, or `ROOT`, which stands for that of
/// all of them.
///
/// A prefix may end with a slash, which is meant in any case. Follows the pattern of
/// [CreateRepositoryCreationTemplate](https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepositoryCreationTemplate.html),
/// and its length of 1 to 256 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryPrefix(String);

/// Error of parsing a [`RepositoryPrefix`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseRepositoryPrefixError {
    /// The prefix is too short or too long.
    #[error("prefix of repositories has {0} characters, expected 1 to 256")]
    Length(usize),
    /// A component between slashes does not satisfy the grammar of names.
    #[error("prefix of repositories contains the invalid component `{0}`")]
    Component(String),
}

parsed_string!(RepositoryPrefix, ParseRepositoryPrefixError);

const ROOT: &str = "ROOT";

impl RepositoryPrefix {
    /// Returns the prefix of all names.
    #[must_use]
    pub fn root() -> Self {
        Self(ROOT.to_owned())
    }

    /// Returns every prefix that `name` begins with, the longest first, `ROOT` last.
    #[must_use]
    pub fn all_of(name: &RepositoryName) -> Vec<Self> {
        let text = name.as_str();
        let ends = text.rmatch_indices('/').map(|(end, _)| end);
        let mut prefixes: Vec<_> = ends.map(|end| Self(text[..end].to_owned())).collect();
        prefixes.push(Self::root());
        prefixes
    }

    /// Whether it is the prefix of all names.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0 == ROOT
    }

    /// Returns the text without a slash at its end: two prefixes that have it in common mean the
    /// same repositories.
    #[must_use]
    pub fn folder(&self) -> &str {
        self.0.strip_suffix('/').unwrap_or(&self.0)
    }

    fn check(text: &str) -> Result<(), ParseRepositoryPrefixError> {
        let length = text.chars().count();
        if !(1..=256).contains(&length) {
            return Err(ParseRepositoryPrefixError::Length(length));
        }
        if text == ROOT {
            return Ok(());
        }
        let folder = text.strip_suffix('/').unwrap_or(text);
        match folder.split('/').find(|component| !is_component(component)) {
            Some(component) => Err(ParseRepositoryPrefixError::Component(component.to_owned())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, valid: bool) {
        assert_eq!(text.parse::<RepositoryPrefix>().is_ok(), valid, "{text}");
    }

    #[test]
    fn follows_the_pattern() {
        for text in ["a", "prod", "prod/", "prod/team-a", "a/b_c/d__e/", "ROOT"] {
            check(text, true);
        }
        for text in ["", "/", "/prod", "prod//", "prod//team", "Prod", "ROOT/", "-a", "a-", "a.*"] {
            check(text, false);
        }
        check(&"a".repeat(256), true);
        check(&"a".repeat(257), false);
    }

    #[test]
    fn a_slash_at_the_end_is_meant_in_any_case() {
        let folder = |text: &str| text.parse::<RepositoryPrefix>().unwrap().folder().to_owned();
        assert_eq!(folder("prod/team/"), folder("prod/team"));
        assert_eq!(folder("ROOT"), "ROOT");
    }

    #[test]
    fn names_have_prefixes() {
        let prefixes = |name: &str| {
            let prefixes = RepositoryPrefix::all_of(&name.parse().unwrap());
            prefixes.into_iter().map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(prefixes("a/b/c"), ["a/b", "a", "ROOT"]);
        assert_eq!(prefixes("app"), ["ROOT"]);
    }
}
