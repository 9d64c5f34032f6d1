//! Measures Berth beside other registries: wall clock, the server's processor time, and memory.
//!
//! One client serves all. It must cost little, since it shares the machine with the server: it
//! neither hashes nor stores, it sends blobs from memory without copying them, and it has the
//! kernel drop what it receives. It speaks HTTP only, and knows nothing of Berth's inside.

mod json;
mod load;
mod machine;
mod options;
mod peer;
mod registry;
mod report;
mod run;
mod sample;
mod scenario;

use std::fs;

use anyhow::{Context as _, Result, bail};
use berth_bench::{connection, content, http, process};
use clap::Parser as _;

use crate::machine::Machine;
use crate::options::Options;
use crate::peer::{Kind, Peer};
use crate::report::Report;
use crate::scenario::Sizes;

fn main() -> Result<()> {
    let options = Options::parse();
    let data = &options.data;
    fs::create_dir_all(data).with_context(|| format!("create {}", data.display()))?;
    let options = Options { data: data.canonicalize()?, ..options };

    let peers = find_peers(&options);
    if peers.is_empty() {
        bail!("there is nothing to measure");
    }
    let machine = Machine::measure(&options.data)?;
    let sizes = if options.quick { Sizes::quick() } else { Sizes::full(machine.disk) };
    let started =
        if options.wants("start") { run::start_ups(&peers, &options)? } else { Vec::new() };
    let mut outcomes = Vec::new();
    for scenario in scenario::all(sizes)? {
        if options.wants(scenario.name()) {
            outcomes.push(run::measure(scenario.as_ref(), &peers, &options));
        }
    }
    let peers = peers.into_iter().map(|peer| (peer.version(), peer));
    let peers = peers.map(|(version, peer)| (peer, version)).collect();
    let report = Report { machine, peers, rounds: options.rounds(), started, outcomes };
    print!("{}", report.render());
    if let Some(path) = &options.json {
        let text = serde_json::to_string_pretty(&json::render(&report))?;
        fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
    }
    let failed = |peer: &run::Measured| {
        peer.kind == Kind::Berth && peer.samples.len() < report.rounds as usize
    };
    if report.outcomes.iter().flat_map(|outcome| &outcome.peers).any(failed) {
        bail!("some of berth's measurements failed; see above");
    }
    Ok(())
}

/// Finds the peers that were asked for; says which are missing, and why.
fn find_peers(options: &Options) -> Vec<Peer> {
    let mut peers = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| options.wants_peer(kind.name())) {
        match Peer::find(kind, options) {
            Ok(peer) => peers.push(peer),
            Err(reason) => println!("{kind}: {reason:#}"),
        }
    }
    peers
}
