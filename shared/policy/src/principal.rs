use std::fmt;
use std::str::FromStr;

/// Who makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Nobody: the request has no credentials.
    Anonymous,
    /// A principal of an AWS account, or of this registry, which speaks as one.
    Aws(AwsPrincipal),
    /// An AWS service by its name, such as `codebuild.amazonaws.com`.
    Service(String),
    /// Whoever an identity provider vouches for, by the provider's name or ARN.
    Federated(String),
}

/// A principal with an ARN: an account's root, a user, a role, or a session.
///
/// Follows [Specifying a principal](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsPrincipal {
    arn: String,
    partition: String,
    account: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Root,
    /// With its path, such as `team/kim`.
    User(String),
    /// With its path.
    Role(String),
    /// The role's name, without a path, and the session's.
    AssumedRole(String, String),
    FederatedUser(String),
}

/// Error of parsing an [`AwsPrincipal`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no ARN of a root, user, role or session")]
pub struct ParsePrincipalError(String);

/// How closely an element of a policy names a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Closeness {
    /// The account that it belongs to, which may pass the permission on to it.
    Account,
    /// The role or user that its session is of.
    Parent,
    /// The principal itself, or everyone.
    Itself,
}

impl Principal {
    /// Returns the account that the principal belongs to.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::Aws(principal) => Some(principal.account()),
            Self::Anonymous | Self::Service(_) | Self::Federated(_) => None,
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "anonymous",
            Self::Aws(principal) => principal.arn(),
            Self::Service(name) | Self::Federated(name) => name,
        })
    }
}

impl FromStr for AwsPrincipal {
    type Err = ParsePrincipalError;

    fn from_str(arn: &str) -> Result<Self, ParsePrincipalError> {
        Self::parse(arn).ok_or_else(|| ParsePrincipalError(arn.to_owned()))
    }
}

impl AwsPrincipal {
    fn parse(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let &["arn", partition, service, "", account, resource] = parts.as_slice() else {
            return None;
        };
        if !is_partition(partition) || !is_account(account) {
            return None;
        }
        let kind = Kind::parse(service, resource)?;
        Some(Self {
            arn: arn.to_owned(),
            partition: partition.to_owned(),
            account: account.to_owned(),
            kind,
        })
    }

    /// Returns the ARN.
    #[must_use]
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// Returns the account, 12 digits.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Whether this is the root of its account.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.kind == Kind::Root
    }

    /// Returns a user's name without its path.
    #[must_use]
    pub fn user_name(&self) -> Option<&str> {
        match &self.kind {
            Kind::User(path) => Some(name_of(path)),
            _ => None,
        }
    }

    /// Returns the ARN of what lasts: for a role's session the role's, else its own. The session
    /// does not tell the role's path, so it has none.
    pub(crate) fn lasting_arn(&self) -> String {
        match &self.kind {
            Kind::AssumedRole(role, _) => {
                format!("arn:{}:iam::{}:role/{role}", self.partition, self.account)
            }
            _ => self.arn.clone(),
        }
    }

    /// Returns the value of `aws:PrincipalType`.
    pub(crate) fn type_name(&self) -> &'static str {
        match &self.kind {
            Kind::Root => "Account",
            Kind::User(_) => "User",
            Kind::Role(_) | Kind::AssumedRole(..) => "AssumedRole",
            Kind::FederatedUser(_) => "FederatedUser",
        }
    }

    /// Whether `other` is this principal, or a session of this role or user.
    #[must_use]
    pub fn stands_for(&self, other: &Self) -> bool {
        matches!(self.names(other), Some(Closeness::Itself | Closeness::Parent))
    }

    /// How closely this principal of a policy names `caller`.
    pub(crate) fn names(&self, caller: &Self) -> Option<Closeness> {
        if self.account != caller.account {
            return None;
        }
        if self.is_root() && !caller.is_root() {
            return Some(Closeness::Account);
        }
        if self.partition != caller.partition && !self.is_root() {
            return None;
        }
        match (&self.kind, &caller.kind) {
            (own, other) if own == other => Some(Closeness::Itself),
            // A role's name is unique in its account, whatever its path.
            (Kind::Role(path), Kind::AssumedRole(role, _)) if name_of(path) == role => {
                Some(Closeness::Parent)
            }
            (Kind::User(path), Kind::FederatedUser(user)) if name_of(path) == user => {
                Some(Closeness::Parent)
            }
            _ => None,
        }
    }
}

impl Kind {
    fn parse(service: &str, resource: &str) -> Option<Self> {
        if (service, resource) == ("iam", "root") {
            return Some(Self::Root);
        }
        let (kind, name) = resource.split_once('/')?;
        let path = || name.split('/').all(is_name).then(|| name.to_owned());
        match (service, kind) {
            ("iam", "user") => Some(Self::User(path()?)),
            ("iam", "role") => Some(Self::Role(path()?)),
            ("sts", "assumed-role") => {
                let (role, session) = name.split_once('/')?;
                let names = is_name(role) && is_name(session);
                names.then(|| Self::AssumedRole(role.to_owned(), session.to_owned()))
            }
            ("sts", "federated-user") => {
                is_name(name).then(|| Self::FederatedUser(name.to_owned()))
            }
            _ => None,
        }
    }
}

fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether a text is a name, or a part of a path. `*` is neither: no part of a principal is
/// a wildcard.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"*?/:\"\\".contains(&byte))
}

pub(crate) fn is_partition(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
    text.starts_with("aws") && text.bytes().all(allowed)
}

/// Whether a text is an account's number: 12 digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parse(arn: &str) -> AwsPrincipal {
        arn.parse().unwrap()
    }

    #[test]
    fn principals_have_arns() {
        for arn in [
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::111122223333:user/kim",
            "arn:aws:iam::111122223333:user/a/b/kim@example.com",
            "arn:aws-cn:iam::111122223333:role/service-role/ci",
            "arn:aws:sts::111122223333:assumed-role/ci/i-0abc",
            "arn:aws-us-gov:sts::111122223333:federated-user/kim",
        ] {
            assert_eq!(parse(arn).arn(), arn);
        }
        for text in [
            "",
            "*",
            "111122223333",
            "arn:aws:iam::111122223333:*",
            "arn:aws:iam::111122223333:user/*",
            "arn:aws:iam::111122223333:user/",
            "arn:aws:iam::111122223333:user/a//b",
            "arn:aws:iam::111122223333:group/all",
            "arn:aws:iam::11112222333:root",
            "arn:aws:iam:eu-west-1:111122223333:root",
            "arn:gcp:iam::111122223333:root",
            "arn:aws:sts::111122223333:assumed-role/ci",
            "arn:aws:sts::111122223333:assumed-role/ci/*",
            "arn:aws:sts::111122223333:assumed-role/a/b/c",
            "arn:aws:ecr::111122223333:repository/x",
        ] {
            assert!(text.parse::<AwsPrincipal>().is_err(), "{text}");
        }
    }

    #[track_caller]
    fn check(named: &str, caller: &str, closeness: Option<Closeness>) {
        let arn = |text: &str| text.replace('#', ":111122223333:");
        assert_eq!(parse(&arn(named)).names(&parse(&arn(caller))), closeness, "{named}, {caller}");
    }

    #[test]
    fn policies_name_principals() {
        let (account, parent, itself) =
            (Some(Closeness::Account), Some(Closeness::Parent), Some(Closeness::Itself));
        check("arn:aws:iam:#root", "arn:aws:iam:#root", itself);
        check("arn:aws:iam:#root", "arn:aws:iam:#user/kim", account);
        check("arn:aws:iam:#root", "arn:aws:sts:#assumed-role/ci/1", account);
        check("arn:aws:iam::444455556666:root", "arn:aws:iam:#user/kim", None);
        check("arn:aws:iam:#user/kim", "arn:aws:iam:#user/kim", itself);
        check("arn:aws:iam:#user/kim", "arn:aws:iam:#user/Kim", None);
        check("arn:aws:iam:#user/kim", "arn:aws:iam:#user/team/kim", None);
        check("arn:aws:iam:#user/kim", "arn:aws:iam::444455556666:user/kim", None);
        check("arn:aws:iam:#user/kim", "arn:aws:iam:#root", None);
        check("arn:aws:iam:#user/kim", "arn:aws-cn:iam:#user/kim", None);
        check("arn:aws:iam:#role/ci", "arn:aws:sts:#assumed-role/ci/1", parent);
        check("arn:aws:iam:#role/path/ci", "arn:aws:sts:#assumed-role/ci/1", parent);
        check("arn:aws:iam:#role/cd", "arn:aws:sts:#assumed-role/ci/1", None);
        check("arn:aws:sts:#assumed-role/ci/1", "arn:aws:sts:#assumed-role/ci/1", itself);
        check("arn:aws:sts:#assumed-role/ci/1", "arn:aws:sts:#assumed-role/ci/2", None);
        check("arn:aws:iam:#user/kim", "arn:aws:sts:#federated-user/kim", parent);
        check("arn:aws:iam:#user/ci", "arn:aws:sts:#assumed-role/ci/1", None);
    }
}
