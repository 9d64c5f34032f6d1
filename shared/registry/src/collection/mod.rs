//! Collection of what nothing uses: layers, uses, uploads, what deleted repositories left, objects.
//!
//! It runs beside pushes, mounts, pulls and deletions, and stops none of them. What it takes away
//! was marked, or seen to be idle, for longer than any request lasts, is looked at once more
//! consistently, and goes on condition that it is still the version that was looked at. Whoever needs
//! a layer takes its mark back. docs/adr/0019 has the rules, and why nothing in use is lost by them.
//!
//! Each job goes over one repository, or over the registry, in pages; one that has no time left goes
//! on in a job that follows it.

mod deleted;
mod job;
mod layers;
mod objects;
mod offline;
mod range;
mod rehearsal;
mod uploads;
mod uses;
mod worker;

use std::time::Duration;

use crate::ports::Timestamp;

pub use job::{DeletedCollection, RegistryCollection, RepositoryCollection};
pub use offline::{Garbage, GarbageContent, GarbageObject, OfflineCollection};
pub use rehearsal::RehearsalTable;
pub use worker::{CollectPorts, CollectWorker};

/// A day.
const DAY: Duration = Duration::from_hours(24);

/// Whether `since` is as long ago as `grace`. No clock is wrong by a day for long: a moment that lies
/// farther ahead is of one that was, and counts as long ago.
fn is_over(since: Timestamp, grace: Duration, now: Timestamp) -> bool {
    since.plus(grace) <= now || now.plus(DAY) < since
}

/// How long collection leaves things as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GracePeriods {
    /// A layer that no image uses, before it is condemned.
    pub unused: Duration,
    /// A layer that is condemned, or that a client deleted, before it is taken away. Longer than any
    /// request lasts.
    pub condemned: Duration,
    /// An upload that no request writes to.
    pub idle: Duration,
    /// What nothing names any more, or not yet. Longer than any request lasts.
    pub unnamed: Duration,
}

impl GracePeriods {
    /// Those of a store that no request uses: only uploads are waited for, whose clients may come
    /// back.
    pub const OFFLINE: Self = Self {
        unused: Duration::ZERO,
        condemned: Duration::ZERO,
        idle: DAY,
        unnamed: Duration::ZERO,
    };

    /// Makes grace periods that are as long as each other.
    #[must_use]
    pub const fn of(each: Duration) -> Self {
        Self { unused: each, condemned: each, idle: each, unnamed: each }
    }
}

impl Default for GracePeriods {
    /// A day each.
    fn default() -> Self {
        Self::of(DAY)
    }
}
