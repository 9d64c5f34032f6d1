use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::arn::ArnPattern;
use crate::draft::Version;
use crate::principal::{Closeness, is_account, is_partition};
use crate::{AwsPrincipal, Context};

/// The most characters of a pattern.
const LONGEST: usize = 512;

/// Which principals are meant: a whole account, as 12 digits or as the ARN of its root, or the ARN
/// of a user, role or session, whose last part may hold the wildcards `*` and `?`.
///
/// A role stands for its sessions, whatever the role's path. The account is always a number, so that
/// no pattern reaches beyond one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PrincipalPattern {
    text: String,
    form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Account(String),
    Principal(AwsPrincipal),
    Wild(ArnPattern),
}

/// Error of parsing a [`PrincipalPattern`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a pattern of principals must be an account of 12 digits, or an ARN such as `arn:aws:iam::ACCOUNT:role/NAME`, `…:user/NAME` or `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`, with wildcards in names alone"
)]
pub struct ParsePrincipalPatternError;

impl PrincipalPattern {
    /// Returns the text, as it was parsed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether `principal` is meant.
    #[must_use]
    pub fn matches(&self, principal: &AwsPrincipal) -> bool {
        match &self.form {
            Form::Account(account) => account == principal.account(),
            Form::Principal(named) => {
                named.names(principal).is_some_and(|close| close > Closeness::Account)
            }
            Form::Wild(pattern) => {
                let context = Context::default();
                pattern.matches(principal.arn(), &context)
                    || pattern.matches(&principal.lasting_arn(), &context)
            }
        }
    }
}

impl Form {
    fn parse(text: &str) -> Option<Self> {
        if is_account(text) {
            return Some(Self::Account(text.to_owned()));
        }
        if let Ok(principal) = text.parse::<AwsPrincipal>() {
            return Some(match principal.is_root() {
                true => Self::Account(principal.account().to_owned()),
                false => Self::Principal(principal),
            });
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let &["arn", partition, service, "", account, resource] = parts.as_slice() else {
            return None;
        };
        let (kind, name) = resource.split_once('/')?;
        let is_known = match (service, kind) {
            ("iam", "user") | ("sts", "assumed-role" | "federated-user") => true,
            // Sessions do not tell the path of their role.
            ("iam", "role") => !name.contains('/'),
            _ => false,
        };
        let is_name = name.bytes().all(|byte| byte.is_ascii_graphic() && !b":\"\\".contains(&byte));
        if !is_partition(partition) || !is_account(account) || !is_known || !is_name {
            return None;
        }
        ArnPattern::compile(text, Version::V2008).ok().map(Self::Wild)
    }
}

impl FromStr for PrincipalPattern {
    type Err = ParsePrincipalPatternError;

    fn from_str(text: &str) -> Result<Self, ParsePrincipalPatternError> {
        let form = if text.len() > LONGEST { None } else { Form::parse(text) };
        let form = form.ok_or(ParsePrincipalPatternError)?;
        Ok(Self { text: text.to_owned(), form })
    }
}

impl TryFrom<String> for PrincipalPattern {
    type Error = ParsePrincipalPatternError;

    fn try_from(text: String) -> Result<Self, ParsePrincipalPatternError> {
        text.parse()
    }
}

impl From<PrincipalPattern> for String {
    fn from(pattern: PrincipalPattern) -> Self {
        pattern.text
    }
}

impl fmt::Display for PrincipalPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, principal: &str, matches: bool) {
        let parsed: PrincipalPattern = pattern.replace('#', ":111122223333:").parse().unwrap();
        let principal = principal.replace('#', ":111122223333:").parse().unwrap();
        assert_eq!(parsed.matches(&principal), matches, "{pattern}, {principal:?}");
    }

    #[test]
    fn accounts_hold_all_of_their_principals() {
        for pattern in ["111122223333", "arn:aws:iam:#root"] {
            check(pattern, "arn:aws:iam:#root", true);
            check(pattern, "arn:aws:iam:#user/kim", true);
            check(pattern, "arn:aws:sts:#assumed-role/ci/1", true);
            check(pattern, "arn:aws:sts::444455556666:assumed-role/ci/1", false);
        }
    }

    #[test]
    fn roles_stand_for_their_sessions() {
        check("arn:aws:iam:#role/ci", "arn:aws:sts:#assumed-role/ci/1", true);
        check("arn:aws:iam:#role/team/ci", "arn:aws:sts:#assumed-role/ci/1", true);
        check("arn:aws:iam:#role/ci", "arn:aws:sts:#assumed-role/cix/1", false);
        check("arn:aws:iam:#role/ci", "arn:aws:sts::444455556666:assumed-role/ci/1", false);
        check("arn:aws:iam:#role/ci", "arn:aws:iam:#user/ci", false);
        check("arn:aws:sts:#assumed-role/ci/1", "arn:aws:sts:#assumed-role/ci/1", true);
        check("arn:aws:sts:#assumed-role/ci/1", "arn:aws:sts:#assumed-role/ci/2", false);
        check("arn:aws:iam:#user/kim", "arn:aws:iam:#user/kim", true);
        check("arn:aws:iam:#user/kim", "arn:aws:iam:#user/Kim", false);
        check("arn:aws:iam:#user/kim", "arn:aws:iam:#root", false);
    }

    #[test]
    fn wildcards_stand_in_names() {
        check("arn:aws:iam:#role/ci-*", "arn:aws:sts:#assumed-role/ci-7/1", true);
        check("arn:aws:iam:#role/ci-*", "arn:aws:sts:#assumed-role/ci/1", false);
        check("arn:aws:iam:#role/*", "arn:aws:iam:#user/ci", false);
        check("arn:aws:iam:#role/*", "arn:aws:sts::444455556666:assumed-role/ci/1", false);
        check("arn:aws:iam:#role/c?", "arn:aws:sts:#assumed-role/ci/1", true);
        check("arn:aws:sts:#assumed-role/ci/*", "arn:aws:sts:#assumed-role/ci/1", true);
        check("arn:aws:sts:#assumed-role/ci/*", "arn:aws:sts:#assumed-role/cd/1", false);
        check("arn:aws:iam:#user/team/*", "arn:aws:iam:#user/team/kim", true);
    }

    #[test]
    fn no_pattern_reaches_beyond_an_account() {
        for text in [
            "",
            "*",
            "11112222333",
            "arn:aws:iam::*:role/ci",
            "arn:aws:iam::111122223333:*",
            "arn:aws:iam::111122223333:role*",
            "arn:*:iam::111122223333:role/*",
            "arn:aws:*::111122223333:role/*",
            "arn:aws:iam:*:111122223333:role/*",
            "arn:aws:iam::111122223333:role/team/*",
            "arn:aws:iam::111122223333:group/*",
            "arn:aws:iam::111122223333:role/a b*",
            "arn:aws:iam::111122223333:user/${aws:username}*",
            "arn:aws:ecr::111122223333:repository/*",
        ] {
            assert_eq!(text.parse::<PrincipalPattern>(), Err(ParsePrincipalPatternError), "{text}");
        }
        let long = format!("arn:aws:iam::111122223333:user/{}*", "a".repeat(LONGEST));
        assert!(long.parse::<PrincipalPattern>().is_err());
    }

    #[test]
    fn patterns_are_written_as_they_were_read() {
        let text = "\"arn:aws:iam::111122223333:role/ci-*\"";
        let pattern: PrincipalPattern = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&pattern).unwrap(), text);
        assert!(serde_json::from_str::<PrincipalPattern>("\"*\"").is_err());
    }
}
