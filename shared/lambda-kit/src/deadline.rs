use std::time::Duration;

use berth_registry::ports::{Clock, SystemClock, Timestamp};
use lambda_runtime::Context;

/// What is kept of an invocation's time for its answer and its log lines.
const MARGIN: Duration = Duration::from_secs(1);

/// Work that was not done when its invocation's time was over.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the function's time was over")]
pub(crate) struct TimeIsOver;

/// Runs `work` as long as its invocation lasts. What is not done by then is dropped, as it would be
/// by the end of the process: every use case outlives that.
pub(crate) async fn within<T>(
    context: &Context,
    work: impl Future<Output = T>,
) -> Result<T, TimeIsOver> {
    let left = left(context.deadline, SystemClock.now());
    tokio::time::timeout(left, work).await.map_err(|_| TimeIsOver)
}

/// Returns how long work may take if the invocation ends at `deadline`, in milliseconds since 1970.
fn left(deadline: u64, now: Timestamp) -> Duration {
    Duration::from_millis(deadline.saturating_sub(now.millis())).saturating_sub(MARGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_margin_is_kept() {
        let now = Timestamp::from_millis(1_000_000);
        assert_eq!(left(1_029_000, now), Duration::from_secs(28));
        assert_eq!(left(1_000_500, now), Duration::ZERO);
        assert_eq!(left(0, now), Duration::ZERO);
    }

    #[tokio::test]
    async fn late_work_is_dropped() {
        let context = Context::default();
        assert_eq!(within(&context, std::future::pending::<()>()).await, Err(TimeIsOver));
    }
}
