//! The elements `Principal` and `NotPrincipal` of a statement.

use crate::json::Json;
use crate::principal::{Closeness, is_account};
use crate::{AwsPrincipal, Principal};

/// One value of a `Principal` element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedPrincipal {
    /// `*`: everybody, also nobody in particular.
    Everyone,
    /// An account, as 12 digits or as the ARN of its root: all of its principals, as far as it
    /// passes the permission on.
    Account(String),
    /// A user, role or session.
    Aws(AwsPrincipal),
    /// A service.
    Service(String),
    /// An identity provider.
    Federated(String),
}

impl NamedPrincipal {
    /// Reads a whole `Principal` element; an error is a value that can't be read.
    pub(crate) fn parse_all(element: &Json) -> Result<Vec<Self>, String> {
        let members = match element {
            Json::Text(text) if text == "*" => return Ok(vec![Self::Everyone]),
            Json::Object(members) if !members.is_empty() => members,
            _ => return Err("an element that is neither `*` nor an object of names".to_owned()),
        };
        let mut principals = Vec::new();
        for (kind, values) in members {
            let values = match values {
                Json::List(values) if !values.is_empty() => values.as_slice(),
                value => std::slice::from_ref(value),
            };
            for value in values {
                let Json::Text(value) = value else {
                    return Err(format!("a value of `{kind}` that is no string"));
                };
                let principal = Self::parse(kind, value);
                principals.push(principal.ok_or_else(|| format!("`{value}` of `{kind}`"))?);
            }
        }
        Ok(principals)
    }

    fn parse(kind: &str, value: &str) -> Option<Self> {
        let is_name = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic());
        match kind {
            "AWS" if value == "*" => Some(Self::Everyone),
            "AWS" if is_account(value) => Some(Self::Account(value.to_owned())),
            "AWS" => {
                let principal: AwsPrincipal = value.parse().ok()?;
                Some(match principal.is_root() {
                    true => Self::Account(principal.account().to_owned()),
                    false => Self::Aws(principal),
                })
            }
            "Service" if is_name => Some(Self::Service(value.to_owned())),
            "Federated" if is_name => Some(Self::Federated(value.to_owned())),
            _ => None,
        }
    }

    /// How closely this names `caller`.
    pub(crate) fn names(&self, caller: &Principal) -> Option<Closeness> {
        match (self, caller) {
            (Self::Everyone, _) => Some(Closeness::Itself),
            (Self::Account(account), Principal::Aws(caller)) if account == caller.account() => {
                Some(if caller.is_root() { Closeness::Itself } else { Closeness::Account })
            }
            (Self::Aws(named), Principal::Aws(caller)) => named.names(caller),
            (Self::Service(named), Principal::Service(caller))
            | (Self::Federated(named), Principal::Federated(caller))
                if named == caller =>
            {
                Some(Closeness::Itself)
            }
            _ => None,
        }
    }
}

/// Returns how closely any of `principals` names `caller`, at the closest.
pub(crate) fn closest(principals: &[NamedPrincipal], caller: &Principal) -> Option<Closeness> {
    principals.iter().filter_map(|principal| principal.names(caller)).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(element: &str) -> Result<Vec<NamedPrincipal>, String> {
        NamedPrincipal::parse_all(&Json::parse(element).unwrap())
    }

    #[test]
    fn elements_are_read() {
        assert_eq!(parse(r#""*""#), Ok(vec![NamedPrincipal::Everyone]));
        assert_eq!(parse(r#"{"AWS": "*"}"#), Ok(vec![NamedPrincipal::Everyone]));
        let account = || NamedPrincipal::Account("111122223333".to_owned());
        let service = NamedPrincipal::Service("codebuild.amazonaws.com".to_owned());
        let element = r#"{"AWS": ["111122223333", "arn:aws:iam::111122223333:root"],
                          "Service": "codebuild.amazonaws.com"}"#;
        assert_eq!(parse(element), Ok(vec![account(), account(), service]));
        let federated = NamedPrincipal::Federated("accounts.google.com".to_owned());
        assert_eq!(parse(r#"{"Federated": ["accounts.google.com"]}"#), Ok(vec![federated]));
    }

    #[test]
    fn other_elements_are_refused() {
        for element in [
            r#""arn:aws:iam::111122223333:root""#,
            r#""**""#,
            "{}",
            "[]",
            "null",
            r#"["*"]"#,
            r#"{"AWS": []}"#,
            r#"{"AWS": 111122223333}"#,
            r#"{"AWS": {"a": "b"}}"#,
            r#"{"AWS": "1111"}"#,
            r#"{"AWS": "arn:aws:iam::111122223333:*"}"#,
            r#"{"AWS": "arn:aws:iam::111122223333:role/ci*"}"#,
            r#"{"AWS": "AIDAEXAMPLE"}"#,
            r#"{"aws": "*"}"#,
            r#"{"CanonicalUser": "79a59df900b949e55d96a1e698fbaced"}"#,
            r#"{"Service": ""}"#,
        ] {
            assert!(parse(element).is_err(), "{element}");
        }
    }

    #[test]
    fn the_closest_name_counts() {
        let principals = parse(
            r#"{"AWS": ["111122223333", "arn:aws:iam::111122223333:role/ci",
                        "arn:aws:sts::111122223333:assumed-role/ci/1"]}"#,
        )
        .unwrap();
        for (arn, closeness) in [
            ("arn:aws:sts::111122223333:assumed-role/ci/1", Some(Closeness::Itself)),
            ("arn:aws:sts::111122223333:assumed-role/ci/2", Some(Closeness::Parent)),
            ("arn:aws:iam::111122223333:user/kim", Some(Closeness::Account)),
            ("arn:aws:iam::111122223333:root", Some(Closeness::Itself)),
            ("arn:aws:iam::444455556666:user/kim", None),
        ] {
            let caller = Principal::Aws(arn.parse().unwrap());
            assert_eq!(closest(&principals, &caller), closeness, "{arn}");
        }
        assert_eq!(closest(&principals, &Principal::Anonymous), None);
    }
}
