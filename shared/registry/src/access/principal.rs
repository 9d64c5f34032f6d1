use std::sync::Arc;

use berth_policy::{AwsPrincipal, Context, Policy};
use berth_types::{AccessKeyId, UserName};

use super::KnownSession;

/// Who proved to be somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The registry's root.
    Root,
    /// A user.
    User(Arc<KnownUser>),
    /// A session of an AWS principal.
    Session(Arc<KnownSession>),
}

/// Whoever is subject to policies: a user, a session, or a registry that replicates.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    User(Arc<KnownUser>),
    Session(Arc<KnownSession>),
    /// By its account's root.
    Registry(AwsPrincipal),
}

impl Principal {
    /// Returns who is asked about; `None` for the root, who is beyond policies.
    pub(super) fn subject(&self) -> Option<Subject> {
        match self {
            Self::Root => None,
            Self::User(user) => Some(Subject::User(user.clone())),
            Self::Session(session) => Some(Subject::Session(session.clone())),
        }
    }

    /// Whether it is the user or role `named`, or a session of it. The root is neither.
    pub(crate) fn is_or_belongs_to(&self, named: &AwsPrincipal) -> bool {
        match self {
            Self::Root => false,
            Self::User(user) => named.stands_for(&user.principal),
            Self::Session(session) => named.stands_for(session.principal()),
        }
    }
}

impl Subject {
    /// Returns the principal as policies name it.
    pub(super) fn principal(&self) -> berth_policy::Principal {
        berth_policy::Principal::Aws(match self {
            Self::User(user) => user.principal.clone(),
            Self::Session(session) => session.principal().clone(),
            Self::Registry(root) => root.clone(),
        })
    }

    /// Whether its own account lets it do everything.
    pub(super) fn is_root(&self) -> bool {
        matches!(self, Self::Registry(_))
    }

    /// Returns what its own account lets it do, unless that is everything.
    pub(super) fn policies(&self) -> &[Policy] {
        match self {
            Self::User(user) => &user.policies,
            Self::Session(session) => &session.trust().policies,
            Self::Registry(_) => &[],
        }
    }

    /// Says of a session what AWS says of temporary credentials.
    pub(super) fn describe(&self, context: &mut Context) {
        let Self::Session(session) = self else { return };
        let claims = session.claims();
        context
            .set("aws:userid", claims.user_id.as_str())
            .set("aws:TokenIssueTime", claims.issued_at.seconds().to_string());
    }
}

/// A user, by one of its access keys.
#[derive(Debug)]
pub struct KnownUser {
    name: UserName,
    access_key_id: AccessKeyId,
    principal: AwsPrincipal,
    policies: Vec<Policy>,
}

impl KnownUser {
    pub(super) fn new(
        name: UserName,
        access_key_id: AccessKeyId,
        principal: AwsPrincipal,
        policies: Vec<Policy>,
    ) -> Self {
        Self { name, access_key_id, principal, policies }
    }

    /// Returns the user's name.
    #[must_use]
    pub fn name(&self) -> &UserName {
        &self.name
    }

    /// Returns the id of the access key that proved it.
    #[must_use]
    pub fn access_key_id(&self) -> &AccessKeyId {
        &self.access_key_id
    }
}

/// A user is the same by the same access key, whatever policies it had at that moment.
impl PartialEq for KnownUser {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.access_key_id) == (&other.name, &other.access_key_id)
    }
}

impl Eq for KnownUser {}
