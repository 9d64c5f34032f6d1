//! Pauses between tries that the SDK does not make itself.

use std::time::Duration;

/// Longest first pause; each further one may be twice as long.
const FIRST: Duration = Duration::from_millis(25);

/// Longest pause of all.
const LONGEST: Duration = Duration::from_secs(1);

/// The most tries. The pauses between them are 3.2 s at most.
const MOST: u32 = 9;

/// Counts tries, and waits between them.
#[derive(Debug, Default)]
pub(crate) struct Tries {
    made: u32,
}

impl Tries {
    /// Waits before the next try, for a time at random, so that those who were refused together
    /// don't come again together. Returns `None` if there were enough.
    pub(crate) async fn next(&mut self) -> Option<()> {
        self.made += 1;
        if self.made >= MOST {
            return None;
        }
        let most = FIRST.saturating_mul(1 << (self.made - 1)).min(LONGEST);
        let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        let pause = getrandom::u64().unwrap_or(most) % most;
        tokio::time::sleep(Duration::from_micros(pause)).await;
        Some(())
    }
}
