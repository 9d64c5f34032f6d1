//! Asking all servers turn about, so that whatever else the machine does meets them alike.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use berth_bench::http::Request;
use serde::Serialize;

use crate::asked::{Dice, Kind};
use crate::server::Server;

/// Requests of each kind to each server before those that count.
const WARM_UP: usize = 300;

/// How long requests of a kind took.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// The kind.
    pub(crate) title: &'static str,
    /// Of each server, in the order of what they hold.
    pub(crate) latencies: Vec<Latencies>,
}

/// How long requests took, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Latencies {
    /// Half of them took no longer.
    pub(crate) median: f64,
    /// 99 of 100 took no longer.
    pub(crate) p99: f64,
}

/// Measures every kind of request.
pub(crate) fn measure(servers: &[Server], samples: usize) -> Result<Vec<Row>> {
    Kind::ALL.iter().map(|kind| measure_kind(*kind, servers, samples)).collect()
}

fn measure_kind(kind: Kind, servers: &[Server], samples: usize) -> Result<Row> {
    let mut connections = Vec::new();
    for server in servers {
        connections.push(server.connect(kind)?);
    }
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut times = vec![Vec::with_capacity(samples); servers.len()];
    for round in 0..WARM_UP + samples {
        for turn in 0..servers.len() {
            // Each is the first in its turn, so that none has always the same one before it.
            let which = (round + turn) % servers.len();
            let asked = kind.ask(&servers[which].held, &mut dice);
            let request =
                Request { method: asked.method, target: &asked.target, body: asked.body() };
            let begun = Instant::now();
            let (response, _) = connections[which].exchange(&request)?;
            let took = begun.elapsed();
            ensure!(response.status() == 200, "{asked:?} is answered {}", response.status());
            if round >= WARM_UP {
                times[which].push(took);
            }
        }
    }
    let latencies = times.into_iter().map(Latencies::of).collect();
    Ok(Row { title: kind.title(), latencies })
}

impl Latencies {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |hundredths: usize| {
            let place = (times.len() * hundredths / 100).min(times.len().saturating_sub(1));
            times.get(place).map_or(0.0, |time| time.as_secs_f64() * 1e6)
        };
        Self { median: at(50), p99: at(99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles() {
        let times = (1..=1000).rev().map(Duration::from_micros).collect();
        let Latencies { median, p99 } = Latencies::of(times);
        assert!((median - 501.0).abs() < 0.1 && (p99 - 991.0).abs() < 0.1, "{median} {p99}");
    }
}
