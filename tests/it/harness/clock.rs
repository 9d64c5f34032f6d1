use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use berth_registry::ports::{Clock, Timestamp};
use tokio::time::Instant;

/// 1 January 2026.
const BEGIN: u64 = 1_767_225_600_000;

/// A clock that goes with Tokio's time, which tests can pause, and that tests put forward.
#[derive(Debug)]
pub struct TestClock {
    begin: Instant,
    ahead: AtomicU64,
}

impl TestClock {
    pub fn new() -> Self {
        Self { begin: Instant::now(), ahead: AtomicU64::new(0) }
    }

    /// Puts the clock forward.
    pub fn advance(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).unwrap();
        self.ahead.fetch_add(millis, Ordering::SeqCst);
    }

    /// Puts the clock back, by no more than it was put forward.
    pub fn put_back(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).unwrap();
        self.ahead.fetch_sub(millis, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        let millis = BEGIN + self.ahead.load(Ordering::SeqCst);
        Timestamp::from_millis(millis).plus(self.begin.elapsed())
    }
}
