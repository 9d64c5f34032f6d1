use std::str::FromStr;
use std::time::Duration;

use berth_registry::GracePeriods;

use super::duration;

/// The shortest delay: as long as an upload that bytes come for may be silent. Beneath it collection
/// could take an object between the moment that it is in its place and the one that a layer names it.
const SHORTEST: Duration = Duration::from_secs(30);

/// How long collection leaves what nothing uses, before each step that takes it away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::serve) struct CollectionDelay(GracePeriods);

impl CollectionDelay {
    /// Returns the grace periods.
    pub(in crate::serve) fn grace(self) -> GracePeriods {
        self.0
    }
}

impl FromStr for CollectionDelay {
    type Err = anyhow::Error;

    /// Parses a number and its unit, such as `6h`.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        Ok(Self(GracePeriods::of(duration::parse(text, SHORTEST)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_never_shorter_than_a_request_needs() {
        let parse = |text: &str| text.parse::<CollectionDelay>().ok().map(CollectionDelay::grace);
        assert_eq!(parse("30s"), Some(GracePeriods::of(SHORTEST)));
        assert_eq!(parse("24h"), Some(GracePeriods::default()));
        assert_eq!(parse("29s"), None);
        assert_eq!(parse("0s"), None);
    }
}
