use std::sync::Arc;

use berth_policy::{AwsPrincipal, Policy};
use berth_types::{AccessKeyId, UserName};

/// Who proved to be somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The registry's root.
    Root,
    /// A user.
    User(Arc<KnownUser>),
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

    /// Returns the user as policies name it.
    pub(super) fn principal(&self) -> berth_policy::Principal {
        berth_policy::Principal::Aws(self.principal.clone())
    }

    /// Returns the user's policies.
    pub(super) fn policies(&self) -> &[Policy] {
        &self.policies
    }
}

/// A user is the same by the same access key, whatever policies it had at that moment.
impl PartialEq for KnownUser {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.access_key_id) == (&other.name, &other.access_key_id)
    }
}

impl Eq for KnownUser {}
