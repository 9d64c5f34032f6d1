//! Jobs that are due once in a period.

mod parts;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use crate::contention::Attempts;
use crate::error::RegistryError;
use crate::ports::{Clock, Timestamp, WriteTable};

/// Asks for the jobs that are due once in a period: of each repository, and of the registry.
///
/// A period is cut into 24 parts, and each repository belongs to one of them by a hash of its id.
/// When a part begins, a walk over the names of all repositories asks for the jobs of those that
/// belong to it. Parts that passed while nothing ran are caught up by one walk, of a period at
/// most. Where the walk is lies in the table, and goes on in the transaction that asks: however
/// many schedules run, and wherever they are cut off, each repository is asked for once a period.
/// A clock that was put back by more than a period makes the schedule begin to count anew.
///
/// A tick costs one read. A walk costs a read of a thousand names and a write for each thousand
/// repositories, and a read of each policy that is due: in a day that is 24 times the names, and
/// each policy once.
#[derive(Clone, Debug)]
pub struct Schedule {
    table: Arc<dyn WriteTable>,
    clock: Arc<dyn Clock>,
    period: Duration,
}

impl Schedule {
    /// The period, unless somebody wants another.
    pub const DAY: Duration = Duration::from_hours(24);

    /// Makes the schedule of the registry in `table`. The period is 24 ms at least.
    #[must_use]
    pub fn new(table: Arc<dyn WriteTable>, clock: Arc<dyn Clock>, period: Duration) -> Self {
        Self { table, clock, period }
    }

    /// Returns how long a part of the period lasts: as often, at least, is the schedule to be asked.
    #[must_use]
    pub fn part(&self) -> Duration {
        parts::length(self.period)
    }

    /// Asks for what is due now. Stops at `until`, and the next call goes on; so it is to be called
    /// every few minutes.
    pub async fn tick(&self, until: Timestamp) -> Result<(), RegistryError> {
        let mut attempts = Attempts::at(&"the schedule");
        while self.clock.now() < until {
            match self.step().await? {
                Step::Done => return Ok(()),
                Step::Some => attempts = Attempts::at(&"the schedule"),
                Step::Lost => attempts.next().await?,
            }
        }
        Ok(())
    }
}

/// What one transaction of a walk came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing is left to do.
    Done,
    /// Something was done.
    Some,
    /// Another schedule was first.
    Lost,
}
