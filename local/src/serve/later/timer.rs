use std::sync::Arc;
use std::time::Duration;

use berth_registry::Schedule;
use berth_registry::ports::Clock;
use tokio::time::{MissedTickBehavior, interval};

/// How often the schedule is asked, at least.
const TICK: Duration = Duration::from_mins(1);

/// Asks the schedule for what is due.
#[derive(Debug)]
pub(super) struct Timer {
    schedule: Schedule,
    clock: Arc<dyn Clock>,
    tick: Duration,
}

impl Timer {
    pub(super) fn new(schedule: Schedule, clock: Arc<dyn Clock>) -> Self {
        let tick = TICK.min(schedule.part());
        Self { schedule, clock, tick }
    }

    /// Runs until it is dropped.
    pub(super) async fn run(self) {
        let mut tick = interval(self.tick);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if let Err(error) = self.schedule.tick(self.clock.now().plus(TICK)).await {
                tracing::error!(%error, "what is due is asked for later");
            }
        }
    }
}
