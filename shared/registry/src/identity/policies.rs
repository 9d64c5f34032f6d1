use berth_policy::{Policy, PolicyKind};
use berth_types::PolicyName;
use bytes::Bytes;

use super::{IdentityError, Users, change};
use crate::access::{Action, UserPermit};
use crate::contention::Attempts;
use crate::document::put;
use crate::layout::Place;
use crate::ports::{Condition, Consistency, Operation, StoreError, StoreErrorKind};

/// The most policies of a user.
const MOST: usize = 10;

impl Users {
    /// Gives the user that the permit names a policy, or replaces the one of that name.
    pub async fn put_policy(
        &self,
        permit: &UserPermit,
        policy: &PolicyName,
        text: &str,
    ) -> Result<(), IdentityError> {
        permit.must_be(Action::PutUserPolicy);
        Policy::parse(&PolicyKind::Identity, text, PolicyKind::Identity.usual_size())?;
        let name = permit.name();
        let mut attempts = Attempts::at(name);
        loop {
            let (mut user, version) = self.current(name).await?;
            if let Err(place) = user.policies.binary_search(policy) {
                user.policies.insert(place, policy.clone());
            }
            if user.policies.len() > MOST {
                return Err(IdentityError::TooManyPolicies(MOST));
            }
            let key = Place::UserPolicy(name, policy).key();
            let document = Bytes::copy_from_slice(text.as_bytes());
            let first_version = self.clock.now().millis();
            let operations = vec![
                change(name, &user, version)?,
                put(key, document, first_version, Condition::Any),
            ];
            if self.commit(operations).await? {
                return Ok(());
            }
            attempts.next().await?;
        }
    }

    /// Returns a policy of the user that the permit names, as it was given.
    pub async fn policy(
        &self,
        permit: &UserPermit,
        policy: &PolicyName,
    ) -> Result<String, IdentityError> {
        permit.must_be(Action::GetUserPolicy);
        let name = permit.name();
        self.current(name).await?;
        let key = Place::UserPolicy(name, policy).key();
        let item = self.table.get(&key, Consistency::Strong).await?;
        let item = item.ok_or_else(|| unknown(permit, policy))?;
        let text = String::from_utf8(item.document.to_vec());
        Ok(text.map_err(|error| StoreError::new(StoreErrorKind::Damaged, error))?)
    }

    /// Returns the names of the policies of the user that the permit names, in order.
    pub async fn policies(&self, permit: &UserPermit) -> Result<Vec<PolicyName>, IdentityError> {
        permit.must_be(Action::ListUserPolicies);
        Ok(self.current(permit.name()).await?.0.policies)
    }

    /// Takes a policy from the user that the permit names.
    pub async fn delete_policy(
        &self,
        permit: &UserPermit,
        policy: &PolicyName,
    ) -> Result<(), IdentityError> {
        permit.must_be(Action::DeleteUserPolicy);
        let name = permit.name();
        let mut attempts = Attempts::at(name);
        loop {
            let (mut user, version) = self.current(name).await?;
            let Ok(place) = user.policies.binary_search(policy) else {
                return Err(unknown(permit, policy));
            };
            user.policies.remove(place);
            let key = Place::UserPolicy(name, policy).key();
            let operations = vec![
                change(name, &user, version)?,
                Operation::Delete { key, condition: Condition::Any },
            ];
            if self.commit(operations).await? {
                return Ok(());
            }
            attempts.next().await?;
        }
    }
}

fn unknown(permit: &UserPermit, policy: &PolicyName) -> IdentityError {
    IdentityError::PolicyUnknown { user: permit.name().clone(), policy: policy.clone() }
}
