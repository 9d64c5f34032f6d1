//! A timer: whatever it says, it is time.

use std::sync::Arc;

use berth_registry::RegistryError;
use berth_registry::ports::{Clock, SystemClock, Timestamp};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, Runtime, service_fn};
use serde::de::IgnoredAny;

use crate::metrics::Metrics;
use crate::whole::done;

/// The time of one invocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tick {
    /// When it began.
    pub now: Timestamp,
    /// When half of its time is over.
    pub half: Timestamp,
}

/// Does `work` each time that a timer invokes the function, until the process is ended.
pub async fn serve_timer<W>(work: W) -> Result<(), Error>
where
    W: AsyncFn(Tick) -> Result<(), RegistryError>,
{
    let function = Arc::new(TimerFunction::new(work, Metrics::to_standard_output()));
    let serve = move |event| {
        let function = Arc::clone(&function);
        async move { function.call(event).await }
    };
    Runtime::new(service_fn(serve)).run().await
}

/// One function behind a timer.
#[derive(Debug)]
pub struct TimerFunction<W> {
    work: W,
    metrics: Metrics,
}

impl<W> TimerFunction<W>
where
    W: AsyncFn(Tick) -> Result<(), RegistryError>,
{
    /// Makes a function of what [`serve_timer`] takes.
    pub fn new(work: W, metrics: Metrics) -> Self {
        Self { work, metrics }
    }

    /// Does the work of one event, whatever it says.
    pub async fn call(&self, event: LambdaEvent<IgnoredAny>) -> Result<(), Diagnostic> {
        let LambdaEvent { context, .. } = event;
        let work = (self.work)(tick(context.deadline, SystemClock.now()));
        done(&context, &self.metrics, "timer", work).await
    }
}

/// Returns the time of an invocation that ends at `deadline`, in milliseconds since 1970.
fn tick(deadline: u64, now: Timestamp) -> Tick {
    let left = deadline.saturating_sub(now.millis());
    Tick { now, half: Timestamp::from_millis(now.millis() + left / 2) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_half_ends() {
        let now = Timestamp::from_millis(1_000_000);
        assert_eq!(tick(1_240_000, now).half, Timestamp::from_millis(1_120_000));
        assert_eq!(tick(0, now), Tick { now, half: now });
    }
}
