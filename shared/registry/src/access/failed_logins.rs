use std::time::Duration;

use tokio::sync::Semaphore;

/// How many failed log-ins wait at once; more wait for a place first.
const WAITING: usize = 16;

/// Slows failed log-ins down, so that guessing is slow however many connections guess.
#[derive(Debug)]
pub struct FailedLogins {
    places: Semaphore,
    delay: Duration,
}

impl FailedLogins {
    /// Makes each failed log-in wait for `delay`, at most 16 of them at a time.
    #[must_use]
    pub fn new(delay: Duration) -> Self {
        Self { places: Semaphore::new(WAITING), delay }
    }

    /// Waits as long as a failed log-in has to; call it before answering one.
    pub async fn slow_down(&self) {
        let place = self.places.acquire().await;
        tokio::time::sleep(self.delay).await;
        drop(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn guessing_is_bounded() {
        let logins = FailedLogins::new(Duration::from_secs(1));
        let start = Instant::now();
        join_all((0..4 * WAITING).map(|_| logins.slow_down())).await;
        assert_eq!(start.elapsed().as_secs(), 4);
    }
}
