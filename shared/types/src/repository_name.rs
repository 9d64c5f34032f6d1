use serde::{Deserialize, Serialize};

use crate::parsed_string::parsed_string;

/// Name of a repository, such as `team/app`.
///
/// A value of this type always satisfies the grammar of the
/// [distribution specification](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests)
/// and ECR's length of 2 to 256 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryName(String);

/// Error of parsing a [`RepositoryName`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseRepositoryNameError {
    /// The name is too short or too long.
    #[error("repository name has {0} characters, expected 2 to 256")]
    Length(usize),
    /// A component between slashes does not satisfy the grammar.
    #[error(
        "repository name contains the invalid component `{0}`, expected lower-case letters and \
         digits, parted by `.`, `_`, `__` or `-`"
    )]
    Component(String),
}

parsed_string!(RepositoryName, ParseRepositoryNameError);

impl RepositoryName {
    fn check(text: &str) -> Result<(), ParseRepositoryNameError> {
        let length = text.chars().count();
        if !(2..=256).contains(&length) {
            return Err(ParseRepositoryNameError::Length(length));
        }
        match text.split('/').find(|component| !is_component(component)) {
            Some(component) => Err(ParseRepositoryNameError::Component(component.to_owned())),
            None => Ok(()),
        }
    }
}

/// Whether `text` matches `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
pub(crate) fn is_component(text: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends_well = |end: Option<&u8>| end.is_some_and(alphanumeric);
    if !ends_well(bytes.first()) || !ends_well(bytes.last()) {
        return false;
    }
    bytes
        .split(alphanumeric)
        .filter(|separator| !separator.is_empty())
        .all(|separator| matches!(separator, b"." | b"_" | b"__") || is_dashes(separator))
}

fn is_dashes(separator: &[u8]) -> bool {
    separator.iter().all(|byte| *byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, valid: bool) {
        assert_eq!(text.parse::<RepositoryName>().is_ok(), valid, "{text}");
    }

    #[test]
    fn follows_the_grammar() {
        check("app", true);
        check("team/app", true);
        check("a/b/c/d", true);
        check("a.b_c__d-e---f", true);
        check("0a", true);
        check("a", false);
        check("", false);
        check("Team/app", false);
        check("team//app", false);
        check("/app", false);
        check("app/", false);
        check("a..b", false);
        check("a___b", false);
        check("a.-b", false);
        check("-a", false);
        check("a_", false);
        check("a b", false);
        check("../etc", false);
        check(&"a".repeat(256), true);
        check(&"a".repeat(257), false);
    }

    proptest! {
        #[test]
        fn agrees_with_its_regular_expression(
            text in "[a-z0-9]{1,3}((\\.|_|__|-{1,4})[a-z0-9]{1,3}){0,3}(/[a-z0-9]{1,3}((\\.|_|__|-{1,4})[a-z0-9]{1,3}){0,3}){1,3}"
        ) {
            prop_assert!(text.parse::<RepositoryName>().is_ok());
        }

        #[test]
        fn what_parses_is_safe_in_a_path(text in "[-a-zA-Z0-9._/ %]{0,20}") {
            if let Ok(name) = text.parse::<RepositoryName>() {
                prop_assert_eq!(name.as_str(), &text);
                prop_assert!(text.split('/').all(|part| !part.is_empty() && part != ".."));
            }
        }
    }
}
