use std::ops::RangeInclusive;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::layout::RepositoryId;
use crate::ports::Timestamp;

/// Into how many parts a period is cut.
const PARTS: u64 = 24;

/// Parts of periods, counted from 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts(RangeInclusive<u64>);

/// Returns how long a part lasts.
pub(super) fn length(period: Duration) -> Duration {
    let millis = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis((millis / PARTS).max(1))
}

impl Parts {
    /// Returns the parts that began after `done`, and up to `now`; `None` if there is none.
    pub(super) fn between(done: Timestamp, now: Timestamp, period: Duration) -> Option<Self> {
        let number = |moment: Timestamp| u128::from(moment.millis()) / length(period).as_millis();
        let number = |moment| u64::try_from(number(moment)).unwrap_or(u64::MAX);
        let (first, last) = (number(done) + 1, number(now));
        (first <= last).then_some(Self(first..=last))
    }

    /// Whether a repository belongs to one of them.
    pub(super) fn have(&self, id: &RepositoryId) -> bool {
        let hash = Sha256::digest(id.as_str());
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&hash[..8]);
        self.have_part(u64::from_be_bytes(bytes) % PARTS)
    }

    /// Whether what is of the registry as a whole belongs to one of them.
    pub(super) fn have_registry(&self) -> bool {
        self.have_part(0)
    }

    fn have_part(&self, part: u64) -> bool {
        let (first, last) = (*self.0.start(), *self.0.end());
        // The next one of that number, from the first on.
        (part + PARTS - first % PARTS) % PARTS <= last - first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const HOUR: u64 = 3_600_000;
    const DAY: Duration = Duration::from_hours(24);

    fn hours(done: u64, now: u64) -> Option<Parts> {
        let moment = |hour: u64| Timestamp::from_millis(hour * HOUR + 1);
        Parts::between(moment(done), moment(now), DAY)
    }

    fn numbers(parts: &Parts) -> Vec<u64> {
        (0..PARTS).filter(|part| parts.have_part(*part)).collect()
    }

    #[test]
    fn a_part_begins_once() {
        assert_eq!(hours(100, 100), None);
        assert_eq!(numbers(&hours(100, 101).unwrap()), [5]);
        assert_eq!(numbers(&hours(94, 97).unwrap()), [0, 1, 23]);
        assert_eq!(hours(101, 100), None, "the clock was put back");
    }

    #[test]
    fn no_more_than_a_period_is_caught_up() {
        assert_eq!(numbers(&hours(100, 123).unwrap()).len(), 23);
        assert_eq!(numbers(&hours(100, 124).unwrap()).len(), 24);
        assert_eq!(numbers(&hours(100, 1000).unwrap()).len(), 24);
    }

    #[test]
    fn repositories_are_spread() {
        let ids: Vec<_> = (0..2400).map(|n| RepositoryId::new(Uuid::from_u128(n))).collect();
        for hour in 0..24 {
            let parts = hours(hour, hour + 1).unwrap();
            let due = ids.iter().filter(|id| parts.have(id)).count();
            assert!((50..200).contains(&due), "{due} of 2400 in one of 24 parts");
        }
    }
}
