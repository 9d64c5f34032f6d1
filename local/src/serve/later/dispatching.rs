use std::sync::Arc;
use std::time::Duration;

use berth_registry::ports::{Clock, Timestamp};
use berth_registry::{Dispatch, RegistryError, Written, WrittenEvents};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// The most events that are dispatched together.
const TOGETHER: usize = 100;

/// The pause between two dispatches. What is written meanwhile is dispatched together: each dispatch
/// syncs to disk, beside the pushes that wait for theirs.
const PAUSE: Duration = Duration::from_millis(25);

/// How often the outbox is looked through for events that were left.
const SWEEP: Duration = Duration::from_mins(5);

/// Dispatches events when they are written, and those that were left.
#[derive(Debug)]
pub(super) struct Dispatching {
    dispatch: Dispatch,
    written: WrittenEvents,
    clock: Arc<dyn Clock>,
}

impl Dispatching {
    pub(super) fn new(dispatch: Dispatch, written: WrittenEvents, clock: Arc<dyn Clock>) -> Self {
        Self { dispatch, written, clock }
    }

    /// Runs until it is dropped.
    pub(super) async fn run(mut self) {
        let mut sweep = interval_at(Instant::now() + SWEEP, SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // What the last process left.
        log(self.dispatch.sweep(self.now()).await);
        loop {
            tokio::select! {
                written = self.written.next(TOGETHER) => match written {
                    Some(Written::Events(ids)) => log(self.dispatch.dispatch(&ids).await),
                    Some(Written::Many) => log(self.dispatch.sweep(self.now()).await),
                    None => return,
                },
                _ = sweep.tick() => log(self.dispatch.sweep(self.now()).await),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Returns a moment before which everything lies that happened up to now.
    fn now(&self) -> Timestamp {
        self.clock.now().plus(Duration::from_millis(1))
    }
}

fn log(dispatched: Result<usize, RegistryError>) {
    match dispatched {
        Ok(events) => tracing::debug!(events, "dispatched"),
        Err(error) => tracing::error!(%error, "events are left in the outbox for a while"),
    }
}
