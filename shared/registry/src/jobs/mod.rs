//! Jobs: what they are, the queues that they wait in, doing them, and those that failed too often,
//! which are set aside with the reason, listed, tried again, deleted.

mod dead_letters;
mod doer;
mod failed;
mod job;
mod runner;
mod schedule;
mod set_aside;
mod work;

pub use dead_letters::{DeadLetter, DeadLetters, WhichLetters};
pub use doer::{Attempt, JobDoer, MOST_ATTEMPTS, MOST_RECEIPTS};
pub use failed::{FailedInQueue, FailedJobs};
pub use job::{Job, JobQueue, JobQueues};
pub use runner::Runner;
pub use schedule::Schedule;
pub use set_aside::SetAside;
pub use work::{Work, WorkError};
