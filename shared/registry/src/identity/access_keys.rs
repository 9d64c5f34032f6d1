use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use berth_types::AccessKeyId;
use serde::{Deserialize, Serialize};

use super::record::{StoredAccessKey, purpose};
use super::{IdentityError, Users, change};
use crate::access::{Action, Secret, UserPermit};
use crate::contention::Attempts;
use crate::document::{decode, encode, put};
use crate::layout::Place;
use crate::ports::{
    Condition, Consistency, Item, Operation, StoreError, StoreErrorKind, Timestamp,
};

/// The most access keys of a user, as in
/// [IAM](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
const MOST: usize = 2;

/// Begin of the ids of users' access keys.
const USER_KEY: &str = "BRTH";

/// An access key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessKey {
    /// Id.
    pub id: AccessKeyId,
    /// Whether it proves anything.
    pub status: AccessKeyStatus,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Whether an access key proves anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccessKeyStatus {
    /// It does.
    Active,
    /// It is kept, and proves nothing.
    Inactive,
}

/// An access key that was just made. The secret is told here, and never again.
#[derive(Clone, Debug)]
pub struct NewAccessKey {
    /// The key.
    pub key: AccessKey,
    /// Its secret, 40 characters.
    pub secret: Secret,
}

impl Users {
    /// Makes an access key for the user that the permit names.
    pub async fn create_access_key(
        &self,
        permit: &UserPermit,
    ) -> Result<NewAccessKey, IdentityError> {
        permit.must_be(Action::CreateAccessKey);
        let name = permit.name();
        let mut attempts = Attempts::at(name);
        loop {
            let (mut user, version) = self.current(name).await?;
            if user.access_keys.len() >= MOST {
                return Err(IdentityError::TooManyAccessKeys(MOST));
            }
            let (id, secret) = new_access_key(USER_KEY)?;
            let sealed = self.known.sealing_keys().seal(&purpose(&id), &secret.reveal()).await?;
            let (status, created_at) = (AccessKeyStatus::Active, self.clock.now());
            let stored = StoredAccessKey {
                user: name.clone(),
                sealed_secret: sealed.reveal().to_owned(),
                status,
                created_at,
            };
            user.access_keys.push(id.clone());
            let place = Place::AccessKey(&id).key();
            let first = created_at.millis();
            let operations = vec![
                change(name, &user, version)?,
                put(place, encode(&stored)?, first, Condition::Absent),
            ];
            if self.commit(operations).await? {
                return Ok(NewAccessKey { key: AccessKey { id, status, created_at }, secret });
            }
            attempts.next().await?;
        }
    }

    /// Returns the access keys of the user that the permit names, the oldest first.
    pub async fn access_keys(&self, permit: &UserPermit) -> Result<Vec<AccessKey>, IdentityError> {
        permit.must_be(Action::ListAccessKeys);
        let (user, _) = self.current(permit.name()).await?;
        let ids = user.access_keys;
        let places: Vec<_> = ids.iter().map(|id| Place::AccessKey(id).key()).collect();
        let items = self.table.batch_get(&places, Consistency::Strong).await?;
        let mut keys = Vec::with_capacity(ids.len());
        for (id, item) in ids.into_iter().zip(items) {
            // One that is gone was deleted after the user was read.
            let Some(item) = item else { continue };
            let StoredAccessKey { status, created_at, .. } = decode(&item)?;
            keys.push(AccessKey { id, status, created_at });
        }
        Ok(keys)
    }

    /// Switches an access key of the user that the permit names on or off.
    pub async fn update_access_key(
        &self,
        permit: &UserPermit,
        id: &AccessKeyId,
        status: AccessKeyStatus,
    ) -> Result<(), IdentityError> {
        permit.must_be(Action::UpdateAccessKey);
        let mut attempts = Attempts::at(id);
        loop {
            let (item, stored) = self.access_key(permit, id).await?;
            let stored = StoredAccessKey { status, ..stored };
            let condition = Condition::Version(item.version);
            let operation = put(item.key, encode(&stored)?, item.version, condition);
            if self.commit(vec![operation]).await? {
                return Ok(());
            }
            attempts.next().await?;
        }
    }

    /// Deletes an access key of the user that the permit names.
    pub async fn delete_access_key(
        &self,
        permit: &UserPermit,
        id: &AccessKeyId,
    ) -> Result<(), IdentityError> {
        permit.must_be(Action::DeleteAccessKey);
        let name = permit.name();
        let mut attempts = Attempts::at(name);
        loop {
            let (mut user, version) = self.current(name).await?;
            if !user.access_keys.contains(id) {
                return Err(unknown(permit, id));
            }
            user.access_keys.retain(|key| key != id);
            let key = Place::AccessKey(id).key();
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

    async fn access_key(
        &self,
        permit: &UserPermit,
        id: &AccessKeyId,
    ) -> Result<(Item, StoredAccessKey), IdentityError> {
        self.current(permit.name()).await?;
        let item = self.table.get(&Place::AccessKey(id).key(), Consistency::Strong).await?;
        let item = item.ok_or_else(|| unknown(permit, id))?;
        let stored: StoredAccessKey = decode(&item)?;
        match stored.user == *permit.name() {
            true => Ok((item, stored)),
            false => Err(unknown(permit, id)),
        }
    }
}

fn unknown(permit: &UserPermit, id: &AccessKeyId) -> IdentityError {
    IdentityError::AccessKeyUnknown { user: permit.name().clone(), id: id.clone() }
}

/// Makes an access key of the form that AWS clients expect: an id of 20 capitals and digits, of
/// which `prefix` are the first four, and a secret of 40 characters.
pub(crate) fn new_access_key(prefix: &str) -> Result<(AccessKeyId, Secret), StoreError> {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let letters = random::<16>()?.map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    let id = format!("{prefix}{}", letters.iter().collect::<String>()).parse();
    let id = id.map_err(|error: berth_types::ParseAccessKeyIdError| {
        StoreError::new(StoreErrorKind::Internal, error)
    })?;
    Ok((id, Secret::new(STANDARD_NO_PAD.encode(random::<30>()?))))
}

fn random<const N: usize>() -> Result<[u8; N], StoreError> {
    let mut bytes = [0; N];
    let reason = "the system has no randomness";
    getrandom::fill(&mut bytes).map_err(|_| StoreError::new(StoreErrorKind::Internal, reason))?;
    Ok(bytes)
}
