//! One measurement, and medians of several.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::peer::Instance;
use crate::process::processor_time;

/// What a measurement counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes: shown as MiB/s, and as processor seconds per GiB.
    Bytes,
    /// Requests: shown per second, and as processor seconds per 1,000.
    Requests,
}

impl Unit {
    /// Returns the name of the rate.
    #[must_use]
    pub fn rate_name(self) -> &'static str {
        match self {
            Self::Bytes => "MiB/s",
            Self::Requests => "req/s",
        }
    }

    /// Returns the name of the processor time per work done.
    #[must_use]
    pub fn processor_name(self) -> &'static str {
        match self {
            Self::Bytes => "s/GiB",
            Self::Requests => "s/1000",
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "shown with four digits")]
    fn rate_amount(self, amount: u64) -> f64 {
        match self {
            Self::Bytes => amount as f64 / f64::from(1 << 20),
            Self::Requests => amount as f64,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "shown with four digits")]
    fn processor_amount(self, amount: u64) -> f64 {
        match self {
            Self::Bytes => amount as f64 / f64::from(1 << 30),
            Self::Requests => amount as f64 / 1000.0,
        }
    }
}

/// Work done in a time.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Bytes or requests.
    pub amount: u64,
    /// Time on the wall clock.
    pub elapsed: Duration,
    /// Processor time of the server.
    pub server: Duration,
    /// Processor time of this client.
    pub client: Duration,
}

impl Sample {
    /// Returns the rate, in the unit's [`Unit::rate_name`].
    #[must_use]
    pub fn rate(&self, unit: Unit) -> f64 {
        unit.rate_amount(self.amount) / self.elapsed.as_secs_f64()
    }

    /// Returns the server's processor time, in the unit's [`Unit::processor_name`].
    #[must_use]
    pub fn server_cost(&self, unit: Unit) -> f64 {
        self.server.as_secs_f64() / unit.processor_amount(self.amount)
    }

    /// Returns the client's processor time, in the unit's [`Unit::processor_name`].
    #[must_use]
    pub fn client_cost(&self, unit: Unit) -> f64 {
        self.client.as_secs_f64() / unit.processor_amount(self.amount)
    }
}

/// Measures from its start to its stop.
#[derive(Debug)]
pub struct Stopwatch {
    server_pid: u32,
    server: Duration,
    client: Duration,
    started: Instant,
}

impl Stopwatch {
    /// Starts a measurement of the instance.
    ///
    /// # Errors
    ///
    /// Fails when the instance is gone.
    pub fn start(instance: &Instance) -> Result<Self> {
        Ok(Self {
            server_pid: instance.pid(),
            server: processor_time(instance.pid())?,
            client: processor_time(std::process::id())?,
            started: Instant::now(),
        })
    }

    /// Ends the measurement, in which `amount` was done.
    ///
    /// # Errors
    ///
    /// Fails when the instance is gone.
    pub fn stop(&self, amount: u64) -> Result<Sample> {
        let elapsed = self.started.elapsed();
        Ok(Sample {
            amount,
            elapsed,
            server: processor_time(self.server_pid)?.saturating_sub(self.server),
            client: processor_time(std::process::id())?.saturating_sub(self.client),
        })
    }
}

/// Returns the median, or `None` of no values.
#[must_use]
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        return Some(values[middle]);
    }
    let (low, high) = (values.get(middle.checked_sub(1)?)?, values.get(middle)?);
    Some(f64::midpoint(*low, *high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_in_the_middle() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0]), Some(3.0));
        assert_eq!(median([3.0, 1.0]), Some(2.0));
        assert_eq!(median([3.0, 1.0, 9.0]), Some(3.0));
    }

    #[test]
    fn units_scale() {
        let second = Duration::from_secs(1);
        let sample = Sample { amount: 1 << 30, elapsed: second, server: second, client: second };
        assert!((sample.rate(Unit::Bytes) - 1024.0).abs() < 1e-9);
        assert!((sample.server_cost(Unit::Bytes) - 1.0).abs() < 1e-9);
        let sample = Sample { amount: 2000, ..sample };
        assert!((sample.rate(Unit::Requests) - 2000.0).abs() < 1e-9);
        assert!((sample.client_cost(Unit::Requests) - 0.5).abs() < 1e-9);
    }
}
