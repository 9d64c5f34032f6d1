use std::sync::Arc;
use std::time::Duration;

use berth_policy::AwsPrincipal;
use berth_types::AccessKeyId;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;

use super::policies::policies;
use super::{KnownUser, SealingKeys, Secret};
use crate::document::decode;
use crate::identity::{AccessKeyStatus, StoredAccessKey, purpose};
use crate::layout::{Place, of_user};
use crate::ports::{Clock, Consistency, StoreError, StoreErrorKind, Timestamp};
use crate::registry::Identity;

/// How long what was read of an access key and its user is believed. A key that was deleted or
/// switched off elsewhere proves nothing after that.
const BELIEVED: Duration = Duration::from_secs(30);

/// How many access keys are remembered.
const REMEMBERED: usize = 1024;

/// How many ids that prove nothing are remembered; apart, so that made-up ids displace no keys.
const UNKNOWN: usize = 1024;

/// How many access keys are looked for at once, however many requests name one.
const LOOKUPS: usize = 4;

/// The access keys of users, as they lie in the table, remembered for half a minute.
#[derive(Debug)]
pub struct KnownKeys {
    keys: Arc<SealingKeys>,
    identity: Identity,
    clock: Arc<dyn Clock>,
    remembered: Cache<AccessKeyId, (Arc<KnownKey>, Timestamp)>,
    unknown: Cache<AccessKeyId, Timestamp>,
    lookups: Semaphore,
}

/// An access key that is active, and whose it is.
#[derive(Debug)]
pub(super) struct KnownKey {
    pub(super) secret: Secret,
    pub(super) user: Arc<KnownUser>,
}

/// What is remembered of an id.
enum Recollection {
    /// It is an active key's.
    Key(Arc<KnownKey>),
    /// It is none's.
    NoKey,
    /// Nothing.
    Nothing,
}

impl KnownKeys {
    /// Reads the table that the sealing keys lie in.
    pub(super) fn new(keys: Arc<SealingKeys>, identity: Identity, clock: Arc<dyn Clock>) -> Self {
        Self {
            keys,
            identity,
            clock,
            remembered: Cache::new(REMEMBERED),
            unknown: Cache::new(UNKNOWN),
            lookups: Semaphore::new(LOOKUPS),
        }
    }

    /// Returns the keys that seal secrets.
    pub(crate) fn sealing_keys(&self) -> &SealingKeys {
        &self.keys
    }

    /// Forgets all that was remembered, so that this process sees a change of its own at once.
    pub(crate) fn forget(&self) {
        self.remembered.clear();
        self.unknown.clear();
    }

    /// Returns an active access key; `None` if there is none of this id.
    pub(super) async fn find(&self, id: &str) -> Result<Option<Arc<KnownKey>>, StoreError> {
        let Ok(id) = id.parse::<AccessKeyId>() else { return Ok(None) };
        match self.recall(&id) {
            Recollection::Key(key) => return Ok(Some(key)),
            Recollection::NoKey => return Ok(None),
            Recollection::Nothing => {}
        }
        // The semaphore is never closed.
        let _place = self.lookups.acquire().await.ok();
        // Who waited may find what another has read meanwhile.
        match self.recall(&id) {
            Recollection::Key(key) => return Ok(Some(key)),
            Recollection::NoKey => return Ok(None),
            Recollection::Nothing => {}
        }
        let now = self.clock.now();
        let found = self.read(&id).await?.map(Arc::new);
        match &found {
            Some(key) => self.remembered.insert(id, (key.clone(), now)),
            None => self.unknown.insert(id, now),
        }
        Ok(found)
    }

    /// Returns what is remembered of an id, and still believed.
    fn recall(&self, id: &AccessKeyId) -> Recollection {
        let now = self.clock.now();
        let is_believed = |seen: Timestamp| seen <= now && now < seen.plus(BELIEVED);
        if let Some((key, seen)) = self.remembered.get(id)
            && is_believed(seen)
        {
            return Recollection::Key(key);
        }
        match self.unknown.get(id) {
            Some(seen) if is_believed(seen) => Recollection::NoKey,
            _ => Recollection::Nothing,
        }
    }

    async fn read(&self, id: &AccessKeyId) -> Result<Option<KnownKey>, StoreError> {
        let key = Place::AccessKey(id).key();
        let item = self.keys.table().get(&key, Consistency::Strong).await?;
        let Some(item) = item else { return Ok(None) };
        let stored: StoredAccessKey = decode(&item)?;
        if stored.status != AccessKeyStatus::Active {
            return Ok(None);
        }
        let secret = self.keys.open::<String>(&purpose(id), &stored.sealed_secret).await?;
        // Sealed under a master key that is no more: the access key has ended with it.
        let Some(secret) = secret else { return Ok(None) };
        let policies = policies(self.keys.table().as_ref(), of_user(&stored.user)).await?;
        let arn = format!("arn:aws:iam::{}:user/{}", self.identity.registry_id, stored.user);
        let principal = arn.parse::<AwsPrincipal>();
        let principal = principal.map_err(|it| StoreError::new(StoreErrorKind::Damaged, it))?;
        let user = KnownUser::new(stored.user, id.clone(), principal, policies);
        Ok(Some(KnownKey { secret: Secret::new(secret), user: Arc::new(user) }))
    }
}
