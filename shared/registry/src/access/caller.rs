use berth_types::{Digest, RepositoryName, UploadId};
use serde::{Deserialize, Serialize};

use super::{Access, Action, Principal};

/// Who makes a request, as far as its credentials prove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody: the request has no credentials.
    Anonymous,
    /// The root or a user.
    Principal(Principal),
    /// The same, by a token that is good for some scopes alone.
    Scoped(Principal, Vec<Scope>),
    /// Whoever bears the token of this upload of a repository, which the principal was given.
    Uploader(Principal, RepositoryName, UploadId),
    /// Whoever bears the token of a download of this blob of a repository, which the principal was
    /// given.
    Downloader(Principal, RepositoryName, Digest),
}

/// One scope of a Bearer token.
///
/// Follows [Token scope documentation](https://distribution.github.io/distribution/spec/auth/scope/).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// `registry:catalog:*`.
    Catalog,
    /// `repository:NAME:ACCESS,…`.
    Repository(RepositoryName, Vec<Access>),
}

impl Caller {
    /// The registry's root, without limits.
    pub const ROOT: Self = Self::Principal(Principal::Root);

    /// Returns the same caller without the limits of its token.
    ///
    /// A mount asks so whether the blob may be taken from its source: a client's token names the
    /// repository that it pushes to, and can't name sources that it does not know.
    #[must_use]
    pub fn unscoped(&self) -> Self {
        match self {
            Self::Principal(principal) | Self::Scoped(principal, _) => {
                Self::Principal(principal.clone())
            }
            // A stranger has no limits to lose, and the token in a URL is good for one thing.
            Self::Anonymous | Self::Uploader(..) | Self::Downloader(..) => self.clone(),
        }
    }

    /// Returns who it is, or who was given the token that it bears.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Anonymous => None,
            Self::Principal(principal)
            | Self::Scoped(principal, _)
            | Self::Uploader(principal, ..)
            | Self::Downloader(principal, ..) => Some(principal),
        }
    }
}

impl Scope {
    /// Parses one scope; one that this registry gives nobody is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        let (name, accesses) = rest.rsplit_once(':')?;
        match kind {
            "registry" if name == "catalog" => Some(Self::Catalog),
            "repository" => Some(Self::Repository(name.parse().ok()?, parse_accesses(accesses))),
            _ => None,
        }
    }

    /// Whether a token of this scope allows `action` on the repository `name`.
    #[must_use]
    pub fn allows(&self, action: Action, name: &RepositoryName) -> bool {
        let Self::Repository(scope, accesses) = self else {
            return false;
        };
        scope == name && action.access().is_some_and(|access| accesses.contains(&access))
    }
}

fn parse_accesses(text: &str) -> Vec<Access> {
    let mut accesses = Vec::new();
    for word in text.split(',') {
        match word {
            "pull" => accesses.push(Access::Pull),
            "push" => accesses.push(Access::Push),
            "delete" => accesses.push(Access::Delete),
            "*" => accesses.extend([Access::Pull, Access::Push, Access::Delete]),
            _ => {}
        }
    }
    accesses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_scopes() {
        let name: RepositoryName = "team/app".parse().unwrap();
        let scope = Scope::parse("repository:team/app:pull,push").unwrap();
        assert!(scope.allows(Action::PutImage, &name));
        assert!(!scope.allows(Action::BatchDeleteImage, &name));
        assert!(!scope.allows(Action::PutImage, &"team/other".parse().unwrap()));
        assert!(!scope.allows(Action::DeleteRepository, &name));
        let all = Scope::parse("repository:team/app:*").unwrap();
        assert!(all.allows(Action::BatchDeleteImage, &name));
        assert_eq!(Scope::parse("registry:catalog:*"), Some(Scope::Catalog));
        assert_eq!(Scope::parse("repository:UPPER:pull"), None);
        assert_eq!(Scope::parse("nonsense"), None);
    }
}
