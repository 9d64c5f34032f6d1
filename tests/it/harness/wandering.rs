use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use berth_registry::ports::{
    Consistency, Item, Key, Operation, Page, Query, ReadTable, StoreError, TransactError,
    WriteTable,
};

/// The longest pause before or after a call.
const LONGEST: Duration = Duration::from_millis(40);

/// A table each of whose calls waits for a while before and after it is carried out, by chance
/// that a seed decides. In a test with paused time this costs nothing, and requests that are sent
/// together meet in every order: a test runs many seeds.
#[derive(Debug)]
pub struct WanderingTable {
    inner: Arc<dyn WriteTable>,
    state: AtomicU64,
    pauses: Pauses,
}

#[derive(Debug)]
enum Pauses {
    ByChance,
    Always(Duration),
}

impl WanderingTable {
    pub fn new(inner: Arc<dyn WriteTable>, seed: u64) -> Arc<Self> {
        Arc::new(Self { inner, state: AtomicU64::new(seed), pauses: Pauses::ByChance })
    }

    /// Makes a table whose calls each wait for `pause` before and after.
    pub fn slow(inner: Arc<dyn WriteTable>, pause: Duration) -> Arc<Self> {
        Arc::new(Self { inner, state: AtomicU64::new(0), pauses: Pauses::Always(pause) })
    }

    async fn pause(&self) {
        let pause = match self.pauses {
            Pauses::ByChance => LONGEST.mul_f64(random(&self.state)),
            Pauses::Always(pause) => pause,
        };
        tokio::time::sleep(pause).await;
    }
}

/// Returns the next number, from 0 to 1, of a sequence: `SplitMix64`.
fn random(state: &AtomicU64) -> f64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut number = state.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP);
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let [.., high, low] = number.to_be_bytes();
    f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX)
}

#[async_trait]
impl ReadTable for WanderingTable {
    async fn get(&self, key: &Key, consistency: Consistency) -> Result<Option<Item>, StoreError> {
        self.pause().await;
        let result = self.inner.get(key, consistency).await;
        self.pause().await;
        result
    }

    async fn batch_get(
        &self,
        keys: &[Key],
        consistency: Consistency,
    ) -> Result<Vec<Option<Item>>, StoreError> {
        self.pause().await;
        let result = self.inner.batch_get(keys, consistency).await;
        self.pause().await;
        result
    }

    async fn query(&self, query: &Query) -> Result<Page, StoreError> {
        self.pause().await;
        let result = self.inner.query(query).await;
        self.pause().await;
        result
    }
}

#[async_trait]
impl WriteTable for WanderingTable {
    async fn transact(&self, operations: Vec<Operation>) -> Result<(), TransactError> {
        self.pause().await;
        let result = self.inner.transact(operations).await;
        self.pause().await;
        result
    }
}
