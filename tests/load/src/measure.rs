//! Asking all servers turn about, so that whatever else the machine does meets them alike, in rounds,
//! so that what it does for a while spoils a round and not the figure.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use berth_bench::connection::Connection;
use berth_bench::http::Request;

use crate::asked::{Dice, Kind};
use crate::server::Server;

/// Requests of each kind to each server in each round before those that count.
const WARM_UP: usize = 300;

/// How long requests of a kind took.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// The kind.
    pub(crate) title: &'static str,
    /// Of each server, in the order of what they hold.
    pub(crate) servers: Vec<Rounds>,
}

/// How long requests of a kind to a server took in each round.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rounds(pub(crate) Vec<Latencies>);

/// How long requests took, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Latencies {
    /// Half of them took no longer.
    pub(crate) median: f64,
    /// 99 of 100 took no longer.
    pub(crate) p99: f64,
}

/// What asks the servers for one kind.
struct Asker<'a> {
    kind: Kind,
    servers: &'a [Server],
    /// One for each server, once they were opened.
    connections: Vec<Connection>,
    dice: Dice,
}

/// Measures every kind of request, as many times as there are rounds: a round asks for each kind.
pub(crate) fn measure(servers: &[Server], rounds: usize, samples: usize) -> Result<Vec<Row>> {
    let mut askers = Kind::ALL.map(|kind| Asker::new(kind, servers));
    let row = |asker: &Asker<'_>| Row {
        title: asker.kind.title(),
        servers: vec![Rounds::default(); servers.len()],
    };
    let mut rows: Vec<_> = askers.iter().map(row).collect();
    for _ in 0..rounds {
        for (asker, row) in askers.iter_mut().zip(&mut rows) {
            asker.connect()?;
            asker.ask(WARM_UP)?;
            for (times, rounds) in asker.ask(samples)?.into_iter().zip(&mut row.servers) {
                rounds.0.push(Latencies::of(times));
            }
        }
    }
    Ok(rows)
}

impl<'a> Asker<'a> {
    fn new(kind: Kind, servers: &'a [Server]) -> Self {
        Self { kind, servers, connections: Vec::new(), dice: Dice(0x9e37_79b9_7f4a_7c15) }
    }

    /// Opens connections; those of the round before were idle for longer than servers wait.
    fn connect(&mut self) -> Result<()> {
        let connections = self.servers.iter().map(|server| server.connect(self.kind));
        self.connections = connections.collect::<Result<_>>()?;
        Ok(())
    }

    /// Asks each server so many times, and returns how long each answer took.
    fn ask(&mut self, samples: usize) -> Result<Vec<Vec<Duration>>> {
        let mut times = vec![Vec::with_capacity(samples); self.servers.len()];
        for sample in 0..samples {
            for turn in 0..self.servers.len() {
                // Each is the first in its turn, so that none has always the same one before it.
                let which = (sample + turn) % self.servers.len();
                let asked = self.kind.ask(&self.servers[which].held, &mut self.dice);
                let request =
                    Request { method: asked.method, target: &asked.target, body: asked.body() };
                let begun = Instant::now();
                let (response, _) = self.connections[which].exchange(&request)?;
                times[which].push(begun.elapsed());
                ensure!(response.status() == 200, "{asked:?} is answered {}", response.status());
            }
        }
        Ok(times)
    }
}

impl Rounds {
    /// Returns the median of the rounds' medians, and that of their 99th percentiles: of a machine
    /// that does something else for a while, the round of that while tells nothing of the registry.
    pub(crate) fn typical(&self) -> Latencies {
        let middle = |of: fn(&Latencies) -> f64| {
            let mut values: Vec<_> = self.0.iter().map(of).collect();
            values.sort_unstable_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(0.0)
        };
        Latencies { median: middle(|round| round.median), p99: middle(|round| round.p99) }
    }
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

    #[test]
    fn one_round_of_a_busy_machine_tells_nothing() {
        let round = |median, p99| Latencies { median, p99 };
        let rounds = Rounds(vec![round(2.0, 3.0), round(90.0, 950.0), round(1.0, 4.0)]);
        let Latencies { median, p99 } = rounds.typical();
        assert!((median - 2.0).abs() < 0.1 && (p99 - 4.0).abs() < 0.1, "{median} {p99}");
    }
}
