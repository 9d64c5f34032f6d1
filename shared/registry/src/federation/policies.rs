use berth_policy::{Policy, PolicyKind};
use berth_types::PolicyName;
use bytes::Bytes;

use super::{TrustError, Trusts, change};
use crate::access::{Action, TrustPermit};
use crate::contention::Attempts;
use crate::document::put;
use crate::layout::Place;
use crate::ports::{Condition, Consistency, Operation, StoreError, StoreErrorKind};

/// The most policies of a trust.
const MOST: usize = 10;

impl Trusts {
    /// Gives the trust that the permit names a policy, or replaces the one of that name.
    pub async fn put_policy(
        &self,
        permit: &TrustPermit,
        policy: &PolicyName,
        text: &str,
    ) -> Result<(), TrustError> {
        permit.must_be(Action::PutTrustPolicy);
        Policy::parse(&PolicyKind::Identity, text, PolicyKind::Identity.usual_size())?;
        let name = permit.name();
        let mut attempts = Attempts::at(name);
        loop {
            let (mut trust, version) = self.current(name).await?;
            if let Err(place) = trust.policies.binary_search(policy) {
                trust.policies.insert(place, policy.clone());
            }
            if trust.policies.len() > MOST {
                return Err(TrustError::TooManyPolicies(MOST));
            }
            let key = Place::TrustPolicy(name, policy).key();
            let document = Bytes::copy_from_slice(text.as_bytes());
            let first_version = self.clock.now().millis();
            let operations = vec![
                change(name, &trust, version)?,
                put(key, document, first_version, Condition::Any),
            ];
            if self.commit(operations).await? {
                return Ok(());
            }
            attempts.next().await?;
        }
    }

    /// Returns a policy of the trust that the permit names, as it was given.
    pub async fn policy(
        &self,
        permit: &TrustPermit,
        policy: &PolicyName,
    ) -> Result<String, TrustError> {
        permit.must_be(Action::GetTrustPolicy);
        let name = permit.name();
        self.current(name).await?;
        let key = Place::TrustPolicy(name, policy).key();
        let item = self.table.get(&key, Consistency::Strong).await?;
        let item = item.ok_or_else(|| unknown(permit, policy))?;
        let text = String::from_utf8(item.document.to_vec());
        Ok(text.map_err(|error| StoreError::new(StoreErrorKind::Damaged, error))?)
    }

    /// Returns the names of the policies of the trust that the permit names, in order.
    pub async fn policies(&self, permit: &TrustPermit) -> Result<Vec<PolicyName>, TrustError> {
        permit.must_be(Action::ListTrustPolicies);
        Ok(self.current(permit.name()).await?.0.policies)
    }

    /// Takes a policy from the trust that the permit names.
    pub async fn delete_policy(
        &self,
        permit: &TrustPermit,
        policy: &PolicyName,
    ) -> Result<(), TrustError> {
        permit.must_be(Action::DeleteTrustPolicy);
        let name = permit.name();
        let mut attempts = Attempts::at(name);
        loop {
            let (mut trust, version) = self.current(name).await?;
            let Ok(place) = trust.policies.binary_search(policy) else {
                return Err(unknown(permit, policy));
            };
            trust.policies.remove(place);
            let key = Place::TrustPolicy(name, policy).key();
            let operations = vec![
                change(name, &trust, version)?,
                Operation::Delete { key, condition: Condition::Any },
            ];
            if self.commit(operations).await? {
                return Ok(());
            }
            attempts.next().await?;
        }
    }
}

fn unknown(permit: &TrustPermit, policy: &PolicyName) -> TrustError {
    TrustError::PolicyUnknown { trust: permit.name().clone(), policy: policy.clone() }
}
