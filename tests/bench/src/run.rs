//! Runs the measurements, turn about.

use std::time::Duration;

use anyhow::Result;

use crate::options::Options;
use crate::peer::{Instance, Kind, Peer, pause};
use crate::sample::{Sample, Unit};
use crate::scenario::{Lifetime, Scenario, Target};

/// How long a registry rests before its memory is read.
const REST: Duration = Duration::from_millis(500);

/// What one registry did in one measurement.
#[derive(Debug)]
pub struct Measured {
    /// Which registry.
    pub kind: Kind,
    /// Its rounds; fewer than asked for when one failed.
    pub samples: Vec<Sample>,
    /// Its memory at the peak of each round, in KiB.
    pub peaks: Vec<u64>,
}

/// One measurement of every registry.
#[derive(Debug)]
pub struct Outcome {
    /// The name for `--only`.
    pub name: &'static str,
    /// What was done, in words.
    pub title: String,
    /// What was counted.
    pub unit: Unit,
    /// What is asked of Berth.
    pub target: Option<Target>,
    /// The registries.
    pub peers: Vec<Measured>,
}

/// How one registry started.
#[derive(Debug)]
pub struct Started {
    /// Which registry.
    pub kind: Kind,
    /// Times to the first answer.
    pub times: Vec<Duration>,
    /// Resident memory at rest, in KiB.
    pub memory: Vec<u64>,
}

/// Starts each peer, turn about.
///
/// # Errors
///
/// Fails when a peer does not start.
pub fn start_ups(peers: &[Peer], options: &Options) -> Result<Vec<Started>> {
    let start = |peer: &Peer| Started { kind: peer.kind, times: Vec::new(), memory: Vec::new() };
    let mut started: Vec<Started> = peers.iter().map(start).collect();
    for _ in 0..options.rounds() {
        for (peer, started) in peers.iter().zip(&mut started) {
            let instance = peer.start()?;
            started.times.push(instance.startup());
            pause(REST);
            started.memory.push(instance.memory()?.resident);
        }
    }
    Ok(started)
}

/// Measures each peer, turn about; a peer that fails is reported, and measured no more.
#[must_use]
pub fn measure(scenario: &dyn Scenario, peers: &[Peer], options: &Options) -> Outcome {
    let mut turns: Vec<Turn<'_>> = peers.iter().map(|peer| Turn::new(peer, scenario)).collect();
    for round in 1..=options.rounds() {
        for turn in turns.iter_mut().filter(|turn| !turn.failed) {
            if let Err(error) = turn.take() {
                eprintln!("{}: {} failed: {error:#}", scenario.name(), turn.peer.kind);
                turn.failed = true;
            }
        }
        eprintln!("{}: round {round} of {}", scenario.name(), options.rounds());
    }
    Outcome {
        name: scenario.name(),
        title: scenario.title(),
        unit: scenario.unit(),
        target: scenario.target(),
        peers: turns.into_iter().map(|turn| turn.measured).collect(),
    }
}

/// The rounds of one peer.
#[derive(Debug)]
struct Turn<'a> {
    peer: &'a Peer,
    scenario: &'a dyn Scenario,
    kept: Option<Instance>,
    failed: bool,
    measured: Measured,
}

impl<'a> Turn<'a> {
    fn new(peer: &'a Peer, scenario: &'a dyn Scenario) -> Self {
        let measured = Measured { kind: peer.kind, samples: Vec::new(), peaks: Vec::new() };
        Self { peer, scenario, kept: None, failed: false, measured }
    }

    fn take(&mut self) -> Result<()> {
        let instance = if let Some(instance) = self.kept.take() {
            instance
        } else {
            let instance = self.peer.start()?;
            self.scenario.prepare(&instance)?;
            instance
        };
        // What others left to write is not this peer's to wait for.
        rustix::fs::sync();
        self.measured.samples.push(self.scenario.measure(&instance)?);
        self.measured.peaks.push(instance.memory()?.peak);
        if self.scenario.lifetime() == Lifetime::Rounds {
            self.kept = Some(instance);
        }
        Ok(())
    }
}
