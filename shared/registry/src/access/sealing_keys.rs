use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use quick_cache::sync::Cache;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::Instant;
use uuid::Uuid;

use super::Secret;
use super::token::SealingKey;
use crate::contention::won;
use crate::document::{decode, encode, put};
use crate::layout::{Place, SEALING_KEYS};
use crate::ports::{
    Clock, Condition, Consistency, Query, ReadTable, Select, StoreError, StoreErrorKind, Timestamp,
    UnwrapKeys, WrapKeys, WrappedKey, WriteTable,
};

/// How long the newest key that was found is believed to be the newest.
const BELIEVED: Duration = Duration::from_mins(5);

/// Age at which a key seals no more, where a newer one can be made: random nonces last for some
/// four thousand million tokens.
const ROTATION: Duration = Duration::from_hours(30 * 24);

/// How many keys are remembered.
const REMEMBERED: usize = 64;

/// How many ids that no key has are remembered.
const UNKNOWN: usize = 1024;

/// How many keys are looked for at once, however many tokens name one that is not remembered.
const LOOKUPS: usize = 4;

/// Longest sealed value that is looked at, in characters.
const LONGEST: usize = 8 * 1024;

/// The keys that seal tokens and the secrets of access keys. They lie in the table, wrapped by the
/// port; what is sealed names its key, as `KEY.SEALED`, so that an old key must stay.
///
/// A key that was seen is remembered, so that its tokens are verified without asking anyone.
#[derive(Debug)]
pub struct SealingKeys {
    table: Arc<dyn ReadTable>,
    keys: Arc<dyn UnwrapKeys>,
    maker: Option<Maker>,
    newest: Mutex<Option<Newest>>,
    remembered: Cache<Uuid, Arc<SealingKey>>,
    /// Ids that no key has. A key is stored before anyone is told its id, and ids are random: so
    /// none of these will ever have one.
    unknown: Cache<Uuid, ()>,
    lookups: Semaphore,
}

/// What it takes to make a key.
#[derive(Debug)]
struct Maker {
    table: Arc<dyn WriteTable>,
    keys: Arc<dyn WrapKeys>,
    clock: Arc<dyn Clock>,
}

/// The key that seals.
#[derive(Clone, Debug)]
struct Newest {
    id: Uuid,
    key: Arc<SealingKey>,
    seen: Instant,
}

/// A key as it lies in the table.
#[derive(Serialize, Deserialize)]
struct StoredKey {
    /// The wrapped key, in Base64.
    wrapped: String,
    created_at: Timestamp,
}

impl SealingKeys {
    /// Uses the keys that others make.
    #[must_use]
    pub fn reading(table: Arc<dyn ReadTable>, keys: Arc<dyn UnwrapKeys>) -> Self {
        Self {
            table,
            keys,
            maker: None,
            newest: Mutex::default(),
            remembered: Cache::new(REMEMBERED),
            unknown: Cache::new(UNKNOWN),
            lookups: Semaphore::new(LOOKUPS),
        }
    }

    /// Uses the keys that are there, and makes one when there is none, or none that is young
    /// enough. Two processes that make one at a time do no harm: each opens what the other seals.
    #[must_use]
    pub fn making(
        table: Arc<dyn WriteTable>,
        keys: Arc<dyn WrapKeys>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let reading = Self::reading(table.clone(), keys.clone());
        Self { maker: Some(Maker { table, keys, clock }), ..reading }
    }

    /// Returns the table that the keys lie in.
    pub(super) fn table(&self) -> &Arc<dyn ReadTable> {
        &self.table
    }

    /// Seals a value; only who names the same `purpose` opens it.
    pub(crate) async fn seal<T: Serialize>(
        &self,
        purpose: &str,
        value: &T,
    ) -> Result<Secret, StoreError> {
        let Newest { id, key, .. } = self.newest().await?;
        let sealed = key.seal(purpose, value);
        let sealed = sealed.map_err(|error| StoreError::new(StoreErrorKind::Internal, error))?;
        Ok(Secret::new(format!("{}.{sealed}", URL_SAFE_NO_PAD.encode(id))))
    }

    /// Returns what `sealed` says, if one of the keys sealed it for `purpose`.
    pub(crate) async fn open<T: DeserializeOwned>(
        &self,
        purpose: &str,
        sealed: &str,
    ) -> Result<Option<T>, StoreError> {
        if sealed.len() > LONGEST {
            return Ok(None);
        }
        let Some((id, sealed)) = sealed.split_once('.') else { return Ok(None) };
        let Some(id) = parse_id(id) else { return Ok(None) };
        let key = match self.remembered.get(&id) {
            Some(key) => Some(key),
            None => self.look_for(id).await?,
        };
        Ok(key.and_then(|key| key.open(purpose, sealed)))
    }

    /// Reads a key that is not remembered; `None` if there is none.
    async fn look_for(&self, id: Uuid) -> Result<Option<Arc<SealingKey>>, StoreError> {
        if self.unknown.get(&id).is_some() {
            return Ok(None);
        }
        // The semaphore is never closed.
        let _place = self.lookups.acquire().await.ok();
        // Who waited may find what another has read meanwhile.
        if let Some(key) = self.remembered.get(&id) {
            return Ok(Some(key));
        }
        let item = self.table.get(&Place::SealingKey(id).key(), Consistency::Strong).await?;
        let found = match item {
            Some(item) => self.unwrap_key(id, &decode(&item)?).await?,
            None => None,
        };
        if found.is_none() {
            self.unknown.insert(id, ());
        }
        Ok(found)
    }

    /// Unwraps a key and remembers it. `None` if another service wrapped it, as after a change of
    /// the master key: its tokens are good no more.
    async fn unwrap_key(
        &self,
        id: Uuid,
        stored: &StoredKey,
    ) -> Result<Option<Arc<SealingKey>>, StoreError> {
        if let Some(key) = self.remembered.get(&id) {
            return Ok(Some(key));
        }
        let wrapped = STANDARD.decode(&stored.wrapped);
        let wrapped = wrapped.map_err(|error| StoreError::new(StoreErrorKind::Damaged, error))?;
        match self.keys.unwrap_key(&WrappedKey(wrapped)).await {
            Ok(key) => {
                let key = Arc::new(SealingKey::new(&key));
                self.remembered.insert(id, key.clone());
                Ok(Some(key))
            }
            Err(error) if error.kind() == StoreErrorKind::Damaged => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the key that seals. Those who ask while it is looked for wait for the one look.
    async fn newest(&self) -> Result<Newest, StoreError> {
        let mut newest = self.newest.lock().await;
        if let Some(newest) = newest.as_ref().filter(|newest| newest.seen.elapsed() < BELIEVED) {
            return Ok(newest.clone());
        }
        let (id, key) = match (self.find_newest().await?, &self.maker) {
            (Some(found), _) => found,
            (None, Some(maker)) => self.make(maker).await?,
            (None, None) => {
                let reason = "no key that seals tokens has been made yet";
                return Err(StoreError::new(StoreErrorKind::Unavailable, reason));
            }
        };
        Ok(newest.insert(Newest { id, key, seen: Instant::now() }).clone())
    }

    /// Finds the newest key; `None` if there is none that may seal.
    async fn find_newest(&self) -> Result<Option<(Uuid, Arc<SealingKey>)>, StoreError> {
        let mut newest: Option<(Uuid, StoredKey)> = None;
        let mut after = None;
        loop {
            let query = Query {
                partition: SEALING_KEYS.to_owned(),
                prefix: String::new(),
                after,
                limit: 100,
                consistency: Consistency::Strong,
                select: Select::Items,
            };
            let page = self.table.query(&query).await?;
            for item in page.items {
                let stored: StoredKey = decode(&item)?;
                let id = item.key.sort.parse::<Uuid>();
                let id = id.map_err(|error| StoreError::new(StoreErrorKind::Damaged, error))?;
                if newest.as_ref().is_none_or(|(_, newest)| newest.created_at <= stored.created_at)
                {
                    newest = Some((id, stored));
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let is_old = |stored: &StoredKey| {
            let end = stored.created_at.plus(ROTATION);
            self.maker.as_ref().is_some_and(|maker| end <= maker.clock.now())
        };
        match newest {
            Some((id, stored)) if !is_old(&stored) => {
                Ok(self.unwrap_key(id, &stored).await?.map(|key| (id, key)))
            }
            _ => Ok(None),
        }
    }

    async fn make(&self, maker: &Maker) -> Result<(Uuid, Arc<SealingKey>), StoreError> {
        let (key, WrappedKey(wrapped)) = maker.keys.make_key().await?;
        let id = Uuid::new_v4();
        let now = maker.clock.now();
        let stored = StoredKey { wrapped: STANDARD.encode(wrapped), created_at: now };
        let place = Place::SealingKey(id).key();
        let operation = put(place, encode(&stored)?, now.millis(), Condition::Absent);
        if !won(maker.table.transact(vec![operation]).await)? {
            let reason = "another process changes the keys that seal tokens";
            return Err(StoreError::new(StoreErrorKind::Unavailable, reason));
        }
        let key = Arc::new(SealingKey::new(&key));
        self.remembered.insert(id, key.clone());
        Ok((id, key))
    }
}

/// Reads a key's id as tokens name it.
fn parse_id(text: &str) -> Option<Uuid> {
    // Longer or shorter texts cost no memory.
    let mut bytes = [0; 16];
    let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
    (length == bytes.len()).then(|| Uuid::from_bytes(bytes))
}
