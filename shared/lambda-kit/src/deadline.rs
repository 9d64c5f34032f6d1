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

/// Returns how long nobody else may begin what an invocation works on: until it has ended, and its
/// answer came to Lambda.
pub(crate) fn held(context: &Context, now: Timestamp) -> Duration {
    Duration::from_millis(context.deadline.saturating_sub(now.millis())) + AFTER
}

/// How long an answer may take to Lambda.
const AFTER: Duration = Duration::from_mins(1);

/// How long the last step of work may take. It is cut off then: the registry's workers are given two
/// minutes beyond the moment at which they should stop.
const LAST_STEP: Duration = Duration::from_mins(5);

/// Returns when work should stop that can be divided, so that the step which it is at ends before the
/// invocation does.
pub(crate) fn stop(context: &Context) -> Timestamp {
    let last_step = u64::try_from(LAST_STEP.as_millis()).unwrap_or(u64::MAX);
    Timestamp::from_millis(context.deadline.saturating_sub(last_step))
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

    #[test]
    fn what_is_worked_on_is_held_beyond_the_end() {
        let mut context = Context::default();
        context.deadline = 1_900_000;
        assert_eq!(held(&context, Timestamp::from_millis(1_000_000)), Duration::from_mins(16));
        assert_eq!(held(&context, Timestamp::from_millis(2_000_000)), AFTER);
    }

    #[test]
    fn the_last_step_has_time() {
        let mut context = Context::default();
        context.deadline = 1_900_000;
        assert_eq!(stop(&context), Timestamp::from_millis(1_600_000));
        context.deadline = 60_000;
        assert_eq!(stop(&context), Timestamp::from_millis(0));
    }

    #[tokio::test]
    async fn late_work_is_dropped() {
        let context = Context::default();
        assert_eq!(within(&context, std::future::pending::<()>()).await, Err(TimeIsOver));
    }
}
