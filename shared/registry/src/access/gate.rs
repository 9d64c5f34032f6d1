use berth_types::{RepositoryName, UserName};

use super::{Action, Caller, Scope};

/// The one gate that every operation passes before it reaches a use case.
///
/// Use cases ask for a permit, and only this gate makes one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gate;

/// Proof that a caller may do an action on a repository.
#[derive(Clone, Debug)]
pub struct RepositoryPermit {
    action: Action,
    name: RepositoryName,
}

/// Proof that a caller may do an action on the registry as a whole.
#[derive(Clone, Copy, Debug)]
pub struct RegistryPermit {
    action: Action,
}

/// Proof that a caller may do an action on a user.
#[derive(Clone, Debug)]
pub struct UserPermit {
    action: Action,
    name: UserName,
}

/// Refusal of the gate.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{caller} is not authorized to perform {action} on {resource}")]
pub struct Denied {
    /// Who was refused.
    pub caller: Caller,
    /// What they wanted to do.
    pub action: Action,
    /// On what: a repository's name, or `*` for the registry.
    pub resource: String,
}

impl Gate {
    /// Asks whether `caller` may do `action` on the repository `name`.
    pub fn repository(
        self,
        caller: &Caller,
        action: Action,
        name: &RepositoryName,
    ) -> Result<RepositoryPermit, Denied> {
        let allowed = match caller {
            Caller::Root => true,
            Caller::ScopedRoot(scopes) => scopes.iter().any(|scope| scope.allows(action, name)),
            Caller::Uploader(repository, _) => repository == name && is_of_uploads(action),
            Caller::Downloader(repository, _) => repository == name && is_of_downloads(action),
            Caller::Anonymous => false,
        };
        match allowed {
            true => Ok(RepositoryPermit { action, name: name.clone() }),
            false => Err(Denied { caller: caller.clone(), action, resource: name.to_string() }),
        }
    }

    /// Asks whether `caller` may do `action` on the user `name`.
    pub fn user(
        self,
        caller: &Caller,
        action: Action,
        name: &UserName,
    ) -> Result<UserPermit, Denied> {
        match caller {
            Caller::Root => Ok(UserPermit { action, name: name.clone() }),
            _ => Err(Denied { caller: caller.clone(), action, resource: name.to_string() }),
        }
    }

    /// Asks whether `caller` may do `action` on the registry as a whole.
    pub fn registry(self, caller: &Caller, action: Action) -> Result<RegistryPermit, Denied> {
        let allowed = match caller {
            Caller::Root => true,
            Caller::ScopedRoot(scopes) => {
                action == Action::DescribeRepositories && scopes.contains(&Scope::Catalog)
            }
            Caller::Uploader(..) | Caller::Downloader(..) | Caller::Anonymous => false,
        };
        match allowed {
            true => Ok(RegistryPermit { action }),
            false => Err(Denied { caller: caller.clone(), action, resource: "*".to_owned() }),
        }
    }
}

/// Whether `action` is one that an upload's token is good for. Which upload it is was checked where
/// the token was opened.
fn is_of_uploads(action: Action) -> bool {
    matches!(action, Action::UploadLayerPart | Action::CompleteLayerUpload)
}

/// Whether `action` is one that a download's token is good for. Which blob it is was checked where
/// the token was opened.
fn is_of_downloads(action: Action) -> bool {
    matches!(action, Action::BatchCheckLayerAvailability | Action::GetDownloadUrlForLayer)
}

impl RepositoryPermit {
    /// Returns the permitted action.
    #[must_use]
    pub fn action(&self) -> Action {
        self.action
    }

    /// Returns the repository's name.
    #[must_use]
    pub fn name(&self) -> &RepositoryName {
        &self.name
    }

    /// Checks, in debug builds, that the gate was asked for the use case's own action.
    pub(crate) fn must_be(&self, action: Action) {
        self.must_be_any(&[action]);
    }

    /// Checks, in debug builds, that the gate was asked for one of the use case's own actions.
    pub(crate) fn must_be_any(&self, actions: &[Action]) {
        debug_assert!(actions.contains(&self.action), "reached by a permit for {}", self.action);
    }
}

impl UserPermit {
    /// Returns the user's name.
    #[must_use]
    pub fn name(&self) -> &UserName {
        &self.name
    }

    /// Checks, in debug builds, that the gate was asked for the use case's own action.
    pub(crate) fn must_be(&self, action: Action) {
        debug_assert_eq!(self.action, action, "the use case was reached by another permit");
    }
}

impl RegistryPermit {
    /// Checks, in debug builds, that the gate was asked for the use case's own action.
    pub(crate) fn must_be(self, action: Action) {
        debug_assert_eq!(self.action, action, "the use case was reached by another permit");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anonymous_callers_may_do_nothing() {
        let name = "team/app".parse().unwrap();
        assert!(Gate.repository(&Caller::Anonymous, Action::BatchGetImage, &name).is_err());
        assert!(Gate.registry(&Caller::Anonymous, Action::DescribeRepositories).is_err());
    }

    #[test]
    fn scoped_tokens_may_do_what_their_scope_says() {
        let name = "team/app".parse().unwrap();
        let scope = Scope::parse("repository:team/app:pull").unwrap();
        let caller = Caller::ScopedRoot(vec![scope]);
        assert!(Gate.repository(&caller, Action::BatchGetImage, &name).is_ok());
        let denied = Gate.repository(&caller, Action::PutImage, &name).unwrap_err();
        assert_eq!(
            denied.to_string(),
            "root is not authorized to perform ecr:PutImage on team/app"
        );
        assert!(Gate.registry(&caller, Action::DescribeRepositories).is_err());
    }

    #[test]
    fn an_uploads_token_is_good_for_bytes_alone() {
        let name = "team/app".parse().unwrap();
        let upload = "2f5a1c2e-8a5b-4c53-9a0e-3f8d9f0c6b11".parse().unwrap();
        let caller = Caller::Uploader("team/app".parse().unwrap(), upload);
        for action in [Action::UploadLayerPart, Action::CompleteLayerUpload] {
            assert!(Gate.repository(&caller, action, &name).is_ok());
            assert!(Gate.repository(&caller, action, &"team/b".parse().unwrap()).is_err());
            assert!(Gate.registry(&caller, action).is_err());
        }
        for action in [Action::InitiateLayerUpload, Action::PutImage, Action::BatchGetImage] {
            assert!(Gate.repository(&caller, action, &name).is_err());
        }
    }

    #[test]
    fn a_downloads_token_is_good_for_reading_alone() {
        let name = "team/app".parse().unwrap();
        let digest = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
        let caller = Caller::Downloader("team/app".parse().unwrap(), digest);
        for action in [Action::GetDownloadUrlForLayer, Action::BatchCheckLayerAvailability] {
            assert!(Gate.repository(&caller, action, &name).is_ok());
            assert!(Gate.repository(&caller, action, &"team/b".parse().unwrap()).is_err());
            assert!(Gate.registry(&caller, action).is_err());
        }
        for action in [Action::BatchDeleteImage, Action::UploadLayerPart, Action::BatchGetImage] {
            assert!(Gate.repository(&caller, action, &name).is_err());
        }
    }
}
