use std::slice;

use berth_types::{RepositoryName, Tag, TrustName, UserName};

use super::question::{Named, Question};
use super::{Action, Denied, GateError, Principal};
use crate::outbox::Origin;

/// Proof that a caller may do an action on a repository.
#[derive(Clone, Debug)]
pub struct RepositoryPermit {
    pub(super) action: Action,
    pub(super) name: RepositoryName,
    /// Who may, unless it is anybody.
    pub(super) principal: Option<Principal>,
    /// Registry that replicates, if it is one that may.
    pub(super) origin: Option<Origin>,
}

/// Proof that a caller may do an action on images of a repository, as far as it does not depend on
/// their tags.
///
/// If policies ask for these (`berth:ImageTag`), they are asked when the tags are known, image by
/// image; there is no [`RepositoryPermit`] before.
#[derive(Clone, Debug)]
pub struct ImagePermit {
    pub(super) permit: RepositoryPermit,
    /// What is to be asked, if policies ask for tags.
    pub(super) question: Option<Question>,
}

/// Proof that a caller may do an action on the registry as a whole.
#[derive(Clone, Copy, Debug)]
pub struct RegistryPermit {
    pub(super) action: Action,
}

/// Proof that a caller may do an action on a user.
#[derive(Clone, Debug)]
pub struct UserPermit {
    pub(super) action: Action,
    pub(super) name: UserName,
}

/// Proof that a caller may do an action on a trust.
#[derive(Clone, Debug)]
pub struct TrustPermit {
    pub(super) action: Action,
    pub(super) name: TrustName,
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

    /// Returns who may; `None` if anybody may.
    pub(crate) fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    /// Returns the registry that replicates, if it is one that may.
    pub(crate) fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
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

impl ImagePermit {
    /// Returns the repository's name.
    #[must_use]
    pub fn name(&self) -> &RepositoryName {
        self.permit.name()
    }

    /// Whether policies ask for tags of images.
    pub(crate) fn asks_for_tags(&self) -> bool {
        self.question.is_some()
    }

    /// Returns the permit for what the request names by this tag.
    pub(crate) fn for_tag(&self, tag: &Tag) -> Result<&RepositoryPermit, Denied> {
        if let Some(question) = &self.question {
            question.ask_about(slice::from_ref(tag), Named::Yes)?;
        }
        Ok(&self.permit)
    }

    /// Returns the permit for a request that names no image after all.
    pub fn for_none(&self) -> Result<&RepositoryPermit, GateError> {
        Ok(self.to_read(&[])?)
    }

    /// Returns the permit to read an image that has all of these tags. They are the values of one
    /// key: it is the policy that says whether any of them or all must match.
    pub(crate) fn to_read(&self, tags: &[Tag]) -> Result<&RepositoryPermit, Denied> {
        if let Some(question) = &self.question {
            question.ask_about(tags, Named::No)?;
        }
        Ok(&self.permit)
    }

    /// Returns the permit to take all of these tags away: for each of them policies are asked.
    pub(crate) fn to_remove(&self, tags: &[Tag]) -> Result<&RepositoryPermit, Denied> {
        if let Some(question) = &self.question {
            question.ask_for_each(tags, Named::No)?;
        }
        Ok(&self.permit)
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

impl TrustPermit {
    /// Returns the trust's name.
    #[must_use]
    pub fn name(&self) -> &TrustName {
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
