use std::str::FromStr;
use std::time::Duration;

use berth_registry::Schedule;

use super::duration;

/// The shortest period, each of whose 24 parts is a second.
const SHORTEST: Duration = Duration::from_secs(24);

/// How often what is due once in a period is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::serve) struct Period(pub(super) Duration);

impl Default for Period {
    fn default() -> Self {
        Self(Schedule::DAY)
    }
}

impl FromStr for Period {
    type Err = anyhow::Error;

    /// Parses a number and its unit, such as `90m`.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        duration::parse(text, SHORTEST).map(Self)
    }
}
