use std::sync::Arc;
use std::time::Duration;

use berth_policy::{AwsPrincipal, Policy, PrincipalPattern};
use berth_types::TrustName;
use quick_cache::sync::Cache;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::SealingKeys;
use super::policies::policies;
use crate::document::decode;
use crate::federation::StoredTrust;
use crate::layout::{Place, of_trust};
use crate::ports::{Clock, Consistency, StoreError, Timestamp};

/// How long what was read of a trust is believed. The sessions of one that was deleted elsewhere
/// prove nothing after that.
const BELIEVED: Duration = Duration::from_secs(30);

/// How many trusts are remembered.
const REMEMBERED: usize = 256;

/// How many trusts are looked for at once, however many requests come with a session.
const LOOKUPS: usize = 4;

/// The trusts of the registry, as they lie in the table, remembered for half a minute.
///
/// Only what the registry sealed itself names a trust here, so that nobody can make it look for
/// names at will.
#[derive(Debug)]
pub struct KnownTrusts {
    keys: Arc<SealingKeys>,
    clock: Arc<dyn Clock>,
    remembered: Cache<TrustName, Recollection>,
    lookups: Semaphore,
}

/// What was read of a name, and when.
#[derive(Clone, Debug)]
struct Recollection {
    found: Option<Arc<KnownTrust>>,
    seen: Timestamp,
}

/// A trust, and what its sessions may do.
#[derive(Debug)]
pub(super) struct KnownTrust {
    id: Uuid,
    principals: Vec<PrincipalPattern>,
    pub(super) policies: Vec<Policy>,
}

impl KnownTrust {
    /// Whether this is the trust of that id, and still means `principal`.
    pub(super) fn lets_in(&self, id: Uuid, principal: &AwsPrincipal) -> bool {
        self.id == id && self.principals.iter().any(|pattern| pattern.matches(principal))
    }
}

impl KnownTrusts {
    /// Reads the table that the sealing keys lie in.
    pub(super) fn new(keys: Arc<SealingKeys>, clock: Arc<dyn Clock>) -> Self {
        let (remembered, lookups) = (Cache::new(REMEMBERED), Semaphore::new(LOOKUPS));
        Self { keys, clock, remembered, lookups }
    }

    /// Forgets all that was remembered, so that this process sees a change of its own at once.
    pub(crate) fn forget(&self) {
        self.remembered.clear();
    }

    /// Returns a trust; `None` if there is none of this name.
    pub(super) async fn find(
        &self,
        name: &TrustName,
    ) -> Result<Option<Arc<KnownTrust>>, StoreError> {
        if let Some(recollection) = self.recall(name) {
            return Ok(recollection.found);
        }
        // The semaphore is never closed.
        let _place = self.lookups.acquire().await.ok();
        // Who waited may find what another has read meanwhile.
        if let Some(recollection) = self.recall(name) {
            return Ok(recollection.found);
        }
        let seen = self.clock.now();
        let found = self.read(name).await?.map(Arc::new);
        self.remembered.insert(name.clone(), Recollection { found: found.clone(), seen });
        Ok(found)
    }

    /// Returns what is remembered of a name, and still believed.
    fn recall(&self, name: &TrustName) -> Option<Recollection> {
        let now = self.clock.now();
        let is_believed = |seen: Timestamp| seen <= now && now < seen.plus(BELIEVED);
        self.remembered.get(name).filter(|recollection| is_believed(recollection.seen))
    }

    async fn read(&self, name: &TrustName) -> Result<Option<KnownTrust>, StoreError> {
        let table = self.keys.table();
        let item = table.get(&Place::Trust(name).key(), Consistency::Strong).await?;
        let Some(item) = item else { return Ok(None) };
        let StoredTrust { id, principals, .. } = decode(&item)?;
        let policies = policies(table.as_ref(), of_trust(name)).await?;
        Ok(Some(KnownTrust { id, principals, policies }))
    }
}
